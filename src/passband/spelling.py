"""What a misspelt name was perhaps meant to be."""

from collections.abc import Iterable
from difflib import get_close_matches


def meant(name: object, known: Iterable[str]) -> str:
    """A question for the end of a message about an unknown name; nothing if none is near.

    Args:
        name: What was given. Capital and small letters are the same.
        known: What there is.

    Example:
        >>> meant("LeNet", ["fcn", "lenet5"])
        "; did you mean 'lenet5'?"
        >>> meant("transformer", ["fcn", "lenet5"])
        ''
    """
    folded = {one.casefold(): one for one in known}
    near = get_close_matches(str(name).casefold(), folded, n=1)
    return f"; did you mean {folded[near[0]]!r}?" if near else ""

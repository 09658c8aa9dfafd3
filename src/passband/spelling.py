"""What a misspelt name was perhaps meant to be."""

from collections.abc import Iterable
from difflib import get_close_matches

_NEAR = 0.7  # of difflib's ratio
_SWAPPED = 0.6  # where the letters are the same: swapped ones in a short word are this near


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
    word = str(name).casefold()
    swapped = [one for one in folded if sorted(one) == sorted(word)]
    near = get_close_matches(word, swapped, n=1, cutoff=_SWAPPED) or get_close_matches(
        word, folded, n=1, cutoff=_NEAR
    )
    return f"; did you mean {folded[near[0]]!r}?" if near else ""

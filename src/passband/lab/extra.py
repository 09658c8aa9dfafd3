"""What to install where a package of the laboratory is missing. It imports nothing."""

_NEEDED = frozenset(
    {"aeon", "lightning", "matplotlib", "mlxtend", "numpy", "PIL", "rich", "safetensors", "scipy",
     "shtab", "sklearn", "yaml"}
)  # fmt: skip


def advice(error: ModuleNotFoundError) -> str:
    """What to do about a missing package of the extra ``lab``; empty about any other."""
    name = (error.name or "").partition(".")[0]
    return f"the commands need {name}: pip install 'passband[lab]'" if name in _NEEDED else ""

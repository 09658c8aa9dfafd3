"""``passband`` and ``python -m passband``: the laboratory's commands."""

import sys

_NEEDED = {"lightning", "matplotlib", "yaml", "rich", "numpy"}


def main() -> int:
    """Runs a command line and returns its exit status."""
    try:
        from passband.lab import cli
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _NEEDED:
            raise
        print(
            f"passband: error: the commands need {error.name}: pip install 'passband[lab]'",
            file=sys.stderr,
        )
        return 2
    return cli.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

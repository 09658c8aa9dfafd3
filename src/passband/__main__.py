"""``passband`` and ``python -m passband``: the laboratory's commands."""

import sys

from passband.lab.extra import advice


def main() -> int:
    """Runs a command line and returns its exit status."""
    try:
        from passband.lab import cli
    except ModuleNotFoundError as error:
        needed = advice(error)
        if not needed:
            raise
        print(f"passband: error: {needed}", file=sys.stderr)
        return 2
    return cli.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

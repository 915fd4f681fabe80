"""The command `drift`, also as `python -m aumos_drift`."""

import sys

from .rooms import open_rooms


def main() -> int:
    """Run the command; the exit code is its answer."""
    open_rooms()
    from drift_detector.commands.entrance import enter  # on the path from here on

    return enter(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

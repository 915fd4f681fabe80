"""`python -m drift_detector.embedded run | clean | exec -- COMMAND …`"""

import argparse
import sys

from drift_detector.embedded.service import clean, run
from drift_detector.embedded.throwaway import execute


def main() -> int:
    """Do what the command line says and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m drift_detector.embedded", description=__doc__)
    commands = parser.add_subparsers(dest="action", required=True)
    commands.add_parser("run", help="run the whole service, with its state in .state")
    commands.add_parser("clean", help="remove that state")
    wrapped = commands.add_parser(
        "exec", help="run a command with servers of its own, thrown away afterwards"
    )
    wrapped.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND …")
    arguments = parser.parse_args()
    match arguments.action:
        case "run":
            return run()
        case "clean":
            return clean()
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    return execute(command) if command else wrapped.error("a command is missing after --")


if __name__ == "__main__":
    sys.exit(main())

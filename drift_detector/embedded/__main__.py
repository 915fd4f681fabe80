"""`python -m drift_detector.embedded run | clean | servers | fetch-kafka | exec [--kept] -- COMMAND …`"""

import argparse
import sys

from drift_detector.embedded.java import fetch_kafka
from drift_detector.embedded.kept_servers import execute_kept, keep_servers
from drift_detector.embedded.service import clean, run
from drift_detector.embedded.throwaway import execute


def main() -> int:
    """Run the command line and return the exit code."""
    parser = _parser()
    arguments = parser.parse_args()
    match arguments.action:
        case "run":
            return run()
        case "clean":
            return clean()
        case "servers":
            return keep_servers()
        case "fetch-kafka":
            return fetch_kafka()
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        parser.error("exec needs a command after --")
    return execute_kept(command) if arguments.kept else execute(command)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m drift_detector.embedded", description=__doc__)
    commands = parser.add_subparsers(dest="action", required=True)
    commands.add_parser("run", help="run the whole service, with its state in .state")
    commands.add_parser("clean", help="remove the state")
    commands.add_parser("servers", help="keep servers for tests up until Ctrl-C")
    commands.add_parser("fetch-kafka", help="fetch Apache Kafka, or say why it can't run here")
    wrapped = commands.add_parser("exec", help="run a command with temporary servers of its own")
    wrapped.add_argument(
        "--kept", action="store_true", help="use the servers of `servers` if they are up"
    )
    wrapped.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND …")
    return parser


if __name__ == "__main__":
    sys.exit(main())

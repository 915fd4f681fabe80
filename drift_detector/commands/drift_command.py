"""The command `drift` with its subcommands."""

from argparse import ArgumentParser
from collections.abc import Sequence

from algorithms.version import VERSION
from drift_detector.commands.check_files import CHECK
from drift_detector.commands.document_commands import DOCUMENT_COMMANDS
from drift_detector.commands.entrance import NAME, fail
from drift_detector.commands.subcommand import CommandFailed, Subcommand
from drift_detector.commands.warm_kernels import WARM

COMMANDS: tuple[Subcommand, ...] = (CHECK, WARM, *DOCUMENT_COMMANDS)


def run(arguments: Sequence[str]) -> int:
    """Run a subcommand: 0 when it found nothing, 1 when it did, 2 when it could not run.

    Args:
        arguments: Those of the command line, without the command's name.
    """
    options = make_parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except CommandFailed as error:
        return fail(str(error))
    return code


def make_parser() -> ArgumentParser:
    """The parser of the command and of all its subcommands."""
    parser = ArgumentParser(prog=NAME, description="Finds drift in data.")
    parser.add_argument("--version", action="version", version=f"{NAME} {VERSION}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for each in COMMANDS:
        own = commands.add_parser(each.name, help=each.help, description=each.help)
        each.add_arguments(own)
        own.set_defaults(run=each.run)
    return parser

"""`drift check`: compares two datasets once."""

from argparse import Namespace

from algorithms.library.compile_notice import say_that_kernels_compile
from detections.one_shot.check_command import HELP, Uncomparable, add_arguments, check
from drift_detector.commands.entrance import write_out
from drift_detector.commands.subcommand import CommandFailed, Subcommand


def _run(options: Namespace) -> int:
    say_that_kernels_compile()
    try:
        text, code = check(vars(options))
    except Uncomparable as error:
        raise CommandFailed(str(error)) from error
    write_out(text)
    return code


CHECK = Subcommand(name="check", help=HELP, add_arguments=add_arguments, run=_run)

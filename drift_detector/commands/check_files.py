"""`drift check`: compares two datasets once."""

import sys
from argparse import Namespace

from algorithms.library.compile_notice import say_that_kernels_compile
from detections.one_shot.check_command import HELP, Uncomparable, add_arguments, check
from drift_detector.commands.subcommand import CommandFailed, Subcommand


def _run(options: Namespace) -> int:
    say_that_kernels_compile()
    try:
        text, code = check(vars(options))
    except Uncomparable as error:
        raise CommandFailed(str(error)) from error
    sys.stdout.write(f"{text}\n")
    return code


CHECK = Subcommand(name="check", help=HELP, add_arguments=add_arguments, run=_run)

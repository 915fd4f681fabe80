"""`drift warm`: compiles the numeric kernels, so that no later command has to."""

from argparse import ArgumentParser, Namespace

from algorithms.library.compile_notice import say_that_kernels_compile
from algorithms.warm import warm
from drift_detector.commands.subcommand import Subcommand

HELP = "Compile the numeric kernels, which the first check would do otherwise."


def _add_arguments(parser: ArgumentParser) -> None:
    """There are none."""


def _run(options: Namespace) -> int:
    say_that_kernels_compile()
    warm()
    return 0


WARM = Subcommand(name="warm", help=HELP, add_arguments=_add_arguments, run=_run)

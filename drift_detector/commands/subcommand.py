"""Describes a subcommand of `drift`."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass


class CommandFailed(Exception):
    """The command could not do its work; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subcommand:
    """A subcommand.

    Attributes:
        name: The word after `drift`.
        help: What it does, in a sentence.
        add_arguments: Declares its arguments.
        run: Does its work with the parsed arguments; the exit code, 0 when there is nothing to say.
    """

    name: str
    help: str
    add_arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], int]

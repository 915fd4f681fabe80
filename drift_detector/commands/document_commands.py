"""`drift login`, `export`, `plan`, `apply`, `destroy` and `schema`: monitors as code.

They need the packages of the extra `client`, which are imported when one of them runs.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from importlib import import_module

from drift_detector.commands.subcommand import CommandFailed, Subcommand

WORK = "drift_detector.commands.document_work"
LIBRARIES = {"requests", "yaml"}
NEEDS_CLIENT = "This needs the extra client: pip install 'aumos-drift-detector[client]'."


def _running(name: str) -> Callable[[Namespace], int]:
    """The function of this name, imported when it is called."""

    def run(options: Namespace) -> int:
        try:
            work = import_module(WORK)
        except ModuleNotFoundError as error:
            if error.name not in LIBRARIES:
                raise
            raise CommandFailed(NEEDS_CLIENT) from error
        code: int = getattr(work, name)(options)
        return code

    return run


def _add_url(parser: ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="the service, such as https://drift.example.com")


def _add_model(parser: ArgumentParser) -> None:
    parser.add_argument("model_id", metavar="MODEL_ID", help="the model whose monitors are written")
    _add_json(parser)


def _add_files(parser: ArgumentParser) -> None:
    words = "a document in YAML, or in JSON if its name ends with .json"
    parser.add_argument("files", metavar="FILE", nargs="+", help=words)
    _add_json(parser)


def _add_apply(parser: ArgumentParser) -> None:
    _add_files(parser)
    words = "delete the monitors and the budget that a document owns and no longer names"
    parser.add_argument("--remove", action="store_true", help=words)
    _add_yes(parser)


def _add_file(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a document that was applied")
    _add_json(parser)
    _add_yes(parser)


def _add_json(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_yes(parser: ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _add_nothing(parser: ArgumentParser) -> None:
    """There are none."""


DOCUMENT_COMMANDS: tuple[Subcommand, ...] = (
    Subcommand(
        name="login",
        help="Ask for an API key of a service, check it, and keep it.",
        add_arguments=_add_url,
        run=_running("run_login"),
    ),
    Subcommand(
        name="export",
        help="Print the document of a model's monitors.",
        add_arguments=_add_model,
        run=_running("run_export"),
    ),
    Subcommand(
        name="plan",
        help="Show what an apply would change: exit code 0 for nothing, 1 for something, 2 if it failed.",
        add_arguments=_add_files,
        run=_running("run_plan"),
    ),
    Subcommand(
        name="apply",
        help="Create and change all monitors of each document, or none of it.",
        add_arguments=_add_apply,
        run=_running("run_apply"),
    ),
    Subcommand(
        name="destroy",
        help="Delete the monitors and the budget that a document owns.",
        add_arguments=_add_file,
        run=_running("run_destroy"),
    ),
    Subcommand(
        name="schema",
        help="Print the JSON Schema of documents, for editors.",
        add_arguments=_add_nothing,
        run=_running("run_schema"),
    ),
)

"""Exports, plans, applies and destroys documents at a service."""

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from drift_detector.commands.document_files import WRITERS, read_file, write_json
from drift_detector.commands.document_schemas import schema_of
from drift_detector.commands.entrance import write_out
from drift_detector.commands.plan_words import NOTHING, Plan, show_plan
from drift_detector.commands.service_client import Refused, ServiceClient
from drift_detector.commands.service_connection import (
    ServiceConnection,
    check_url,
    get_connection,
    keep_connection,
)
from drift_detector.commands.subcommand import CommandFailed

DONE, CHANGED = 0, 1
"""As `drift check` and `diff`: 1 where something differs, and 2, by the command, where it could not be found out."""
YES = "yes"


@dataclass(frozen=True, slots=True)
class _Planned:
    """A document with what an apply of it would do."""

    path: Path
    document: Mapping[str, Any]
    plan: Plan


def run_login(options: Namespace) -> int:
    """Ask for a key, check it, and keep it."""
    connection = ServiceConnection(url=check_url(options.url), key=_ask_for_key())
    ServiceClient(connection).get("/quotas")
    path = keep_connection(connection)
    _say(f"The key is kept in {path}.")
    return DONE


def _ask_for_key() -> str:
    from getpass import getpass

    key = getpass("API key: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not key.strip():
        raise CommandFailed("A login needs an API key.")
    return key.strip()


def run_export(options: Namespace) -> int:
    """Print the document of a model."""
    found = _client().get(f"/models/{_id_of(options.model_id)}/document")
    write_out(WRITERS[options.json](found))
    return DONE


def _id_of(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise CommandFailed(f"MODEL_ID must be the UUID of a model, not {text!r}.") from error


def run_plan(options: Namespace) -> int:
    """Print what an apply of each document would do."""
    planned = _plan_files(_client(), options.files)
    _show([each.plan for each in planned], as_json=options.json)
    if refusals := [each for each in planned if each.plan["counts"]["refused"]]:
        raise CommandFailed(f"{refusals[0].path} would be refused.")
    return CHANGED if any(each.plan["is_changed"] for each in planned) else DONE


def run_apply(options: Namespace) -> int:
    """Show the plans, ask, and apply each document whole."""
    client = _client()
    planned = _plan_files(client, options.files)
    wanted = [each for each in planned if _has_work(each.plan, remove=options.remove)]
    if not options.json:
        _show([each.plan for each in planned], as_json=False)
    if wanted:
        _agree(options, f"Apply {len(wanted)} of {len(planned)} documents?")
    done = [_apply(client, each, remove=options.remove) for each in wanted]
    if options.json:
        write_out(write_json(done))
    elif not wanted:
        _say(NOTHING)
    return DONE


def run_destroy(options: Namespace) -> int:
    """Delete the monitors and the budget that a document owns, and forget the document."""
    client = _client()
    [found] = _plan_files(client, [options.file], emptied=True)
    if not options.json:
        _show([found.plan], as_json=False)
    row = _row_of(client, found)
    _agree(options, f"Delete {found.plan['counts']['remove']} objects with all their runs?")
    done = _apply(client, found, remove=True)
    client.delete(f"/documents/{row['id']}")
    if options.json:
        write_out(write_json(done))
    return DONE


def run_schema(options: Namespace) -> int:
    """Print the JSON Schema of documents, as the service takes them."""
    write_out(write_json(schema_of(_client().get("/schema", {"format": "json"}))))
    return DONE


def _client() -> ServiceClient:
    return ServiceClient(get_connection())


def _plan_files(
    client: ServiceClient, files: Sequence[str], *, emptied: bool = False
) -> list[_Planned]:
    read = [(Path(each), read_file(Path(each))) for each in files]
    return [_plan(client, path, _without(value) if emptied else value) for path, value in read]


def _without(document: Any) -> Any:
    """The document without what it names, so that all it owns is removed."""
    if not isinstance(document, dict):
        return document
    kept = {name: value for name, value in document.items() if name != "budget"}
    return kept | {"monitors": []}


def _plan(client: ServiceClient, path: Path, document: Any) -> _Planned:
    try:
        return _Planned(path, document, client.post("/documents/plan", document))
    except Refused as refusal:
        raise _of_file(path, refusal) from refusal


def _of_file(path: Path, refusal: Refused) -> CommandFailed:
    """A refusal with the name of the file, if it is about what the file says."""
    if refusal.status not in (400, 409):
        return refusal
    return CommandFailed(f"{path}: {refusal}")


def _has_work(plan: Plan, *, remove: bool) -> bool:
    counts = plan["counts"]
    idle = {"unchanged"} if remove else {"unchanged", "remove"}
    return any(number for action, number in counts.items() if action not in idle)


def _apply(client: ServiceClient, planned: _Planned, *, remove: bool) -> Any:
    """Apply a document as it was planned, and delete the monitors that it no longer names."""
    query = {"expected": planned.plan["plan_hash"], "remove": str(remove).lower()}
    try:
        done = client.post("/documents/apply", planned.document, query)
    except Refused as refusal:
        raise _of_file(planned.path, refusal) from refusal
    for monitor_id in done["retired"]:
        client.delete(f"/monitors/{monitor_id}")
    _say(f"{planned.path} is applied.")
    return done


def _row_of(client: ServiceClient, found: _Planned) -> Any:
    rows = client.get("/documents", {"name": found.plan["name"]})["results"]
    if not rows:
        raise CommandFailed(f"{found.path}: no document {found.plan['name']!r} was applied.")
    return rows[0]


def _agree(options: Namespace, question: str) -> None:
    """Ask before something is done.

    Raises:
        CommandFailed: If the answer is not yes, or there is no one to ask.
    """
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise CommandFailed("Without a terminal, this needs --yes.")
    sys.stderr.write(f"{question} Only '{YES}' is taken: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != YES:
        raise CommandFailed("Nothing was changed.")


def _show(plans: Sequence[Plan], *, as_json: bool) -> None:
    if as_json:
        write_out(write_json(plans))
        return
    for plan in plans:
        write_out(show_plan(plan))


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")

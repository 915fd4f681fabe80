"""Each room imports, reads and writes only what the layers allow, in SQL too."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.apps import apps

ROOT = Path(__file__).parents[1]
# From the top to the bottom; `algorithms` has no tables and no SQL.
LAYERS = ("tasks", "alerts", "detections", "monitors", "drift_detector")
EVERY_ROOM = pytest.mark.parametrize("room", LAYERS)
TABLE = re.compile(r"\bdrf_\w+")
WRITTEN = re.compile(
    r"\b(?:INSERT\s+INTO|UPDATE(?:\s+ONLY)?|DELETE\s+FROM(?:\s+ONLY)?|TRUNCATE(?:\s+TABLE)?)"
    r'\s+"?(drf_\w+)',
    re.IGNORECASE,
)
# Workers alone read the data of tenants; what web answers from it comes by a job or from the ledger.
OF_WEB = {"views", "serializers", "admin", "filters", "setting_fields"}
READERS = {
    "check_sources", "describe", "describe_window", "fit_reference", "frozen_baselines", "kinds", "open_window",
    "preview_monitor", "read_counted_window", "read_data", "read_window", "read_window_predictions",
}  # fmt: skip
# Roles of PostgreSQL (`drift_detector/tenancy/rls.py`) have the same prefix as tables.
ROLES = {"drf_app", "drf_relay", "drf_scheduler", "drf_notifier"}


def modules_of(room: str) -> list[Path]:
    return [path for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts]


def imported_by(tree: ast.AST) -> Iterator[str]:
    """The absolute names of the modules that a module imports, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def names_imported_by(tree: ast.AST) -> Iterator[str]:
    """What a module takes from others by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)


def texts_of(path: Path) -> Iterator[str]:
    """The string constants of a module; those of an f-string or of a sum of strings are joined."""
    pending: list[ast.AST] = [ast.parse(path.read_text())]
    while pending:
        node = pending.pop()
        text = text_of(node)
        if text is not None:
            yield text
        if text is None or isinstance(node, ast.JoinedStr):
            pending.extend(ast.iter_child_nodes(node))


def text_of(node: ast.AST) -> str | None:
    """The text of a string expression; a value that is put in stands as `?`."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=values):
            return "".join(text_of(value) or "?" for value in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            first, second = text_of(left), text_of(right)
            return None if first is None and second is None else f"{first or '?'}{second or '?'}"
    return None


@cache
def room_of_tables() -> dict[str, str]:
    """The room of each table of ours, as the models say."""
    models = apps.get_models(include_auto_created=True)
    return {
        model._meta.db_table: model.__module__.partition(".")[0]
        for model in models
        if model._meta.db_table.startswith("drf_")
    }


def forbidden_writes(room: str, text: str) -> set[str]:
    return {table for table in WRITTEN.findall(text) if room_of_tables().get(table) != room}


def forbidden_reads(room: str, text: str) -> set[str]:
    """The tables in a text that lie above the room."""
    rooms = {table: room_of_tables().get(table) for table in set(TABLE.findall(text)) - ROLES}
    above = LAYERS[: LAYERS.index(room)]
    return {table for table, owner in rooms.items() if owner in above}


def test_tables__of_all_rooms__are_known() -> None:
    assert set(room_of_tables().values()) == {"alerts", "detections", "monitors", "drift_detector"}


def test_detections__imports__none_of_alerts() -> None:
    offenders = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules_of("detections")
        for name in imported_by(ast.parse(path.read_text()))
        if name.partition(".")[0] == "alerts"
    }
    assert offenders == set()


def test_web__views_serializers_and_admin__import_nothing_that_reads_data() -> None:
    offenders = {
        f"{path.relative_to(ROOT)} imports {name}"
        for room in LAYERS
        for path in modules_of(room)
        if path.stem in OF_WEB
        for name in names_imported_by(ast.parse(path.read_text()))
        if name in READERS
    }
    assert offenders == set()


@EVERY_ROOM
def test_sql__of_a_room__writes_its_own_tables_alone(room: str) -> None:
    offenders = {
        f"{path.relative_to(ROOT)} writes {table}"
        for path in modules_of(room)
        for text in texts_of(path)
        for table in forbidden_writes(room, text)
    }
    assert offenders == set()


@EVERY_ROOM
def test_sql__of_a_room__reads_its_own_tables_and_those_below(room: str) -> None:
    offenders = {
        f"{path.relative_to(ROOT)} reads {table}"
        for path in modules_of(room)
        for text in texts_of(path)
        for table in forbidden_reads(room, text)
    }
    assert offenders == set()


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM drf_alerts WHERE id = %s",
        "WITH old AS (SELECT 1) UPDATE drf_alerts SET status = 'x'",
        "insert into drf_alerts (id) values (1)",
        'TRUNCATE "drf_alerts"',
    ],
)
def test_forbidden_writes__table_of_another_room__is_found(text: str) -> None:
    assert forbidden_writes("detections", text) == {"drf_alerts"}
    assert forbidden_writes("alerts", text) == set()


def test_forbidden_reads__only_upwards__are_found() -> None:
    query = "SELECT * FROM drf_runs JOIN drf_alerts USING (tenant_id)"
    assert forbidden_reads("detections", query) == {"drf_alerts"}
    assert forbidden_reads("alerts", query) == forbidden_reads("tasks", query) == set()


def test_text_of__f_string_and_sum__are_joined() -> None:
    node = ast.parse('f"DELETE FROM drf_{name} " + "WHERE TRUE"', mode="eval").body
    assert text_of(node) == "DELETE FROM drf_? WHERE TRUE"

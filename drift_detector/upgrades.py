"""Upgrades databases whose tables were made by migrations that have been squashed since.

The squashed migrations keep the name of the first one, so Django takes that as applied. The second one
begins with a step of this module. The step changes the tables of an older database to those that the
squashed migrations make; a new database, or one of the squashed migrations, stays as it is.
"""

from collections.abc import Callable, Sequence
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import RunPython
from django.db.migrations.recorder import MigrationRecorder

LAST_UNSQUASHED = "c67e9ca"


class DatabaseTooOld(Exception):
    """The database lacks migrations that can no longer be applied."""


def upgrade_squashed(app: str, names: Sequence[str], statements: Sequence[str]) -> RunPython:
    """A step that upgrades the tables of an app, if its squashed migrations made them.

    The names are removed from the history, so that a later migration can have any of them.

    Args:
        app: The label of the app.
        names: The squashed migrations after the first, in their order.
        statements: The difference between the tables of the last of them and today's.
    """
    return RunPython(_upgrade(app, names, statements), RunPython.noop)


def _upgrade(
    app: str, names: Sequence[str], statements: Sequence[str]
) -> Callable[[Any, BaseDatabaseSchemaEditor], None]:
    def upgrade(_apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
        history = MigrationRecorder(editor.connection).migration_qs.filter(app=app, name__in=names)
        applied = set(history.values_list("name", flat=True))
        if not applied:
            return
        _require_all(app, names, applied)
        for statement in statements:
            editor.execute(statement)
        history.delete()

    return upgrade


def _require_all(app: str, names: Sequence[str], applied: set[str]) -> None:
    missing = [name for name in names if name not in applied]
    if missing:
        raise DatabaseTooOld(
            f"The database lacks the migration {app}.{missing[0]}, which this version cannot apply. "
            f"Migrate with the code of commit {LAST_UNSQUASHED} first."
        )

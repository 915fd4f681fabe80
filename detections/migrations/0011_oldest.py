from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The ledger's age in a btree: the ranges of a BRIN index never shrink, and match for ever once pages are reused.

    It is built while runs are written, which takes no lock but more time: some seconds for a million runs. If it is
    broken off, drop the invalid `run_oldest` and migrate again.
    """

    atomic = False
    dependencies = [
        ("detections", "0010_details"),
    ]

    operations = [
        AddIndexConcurrently(
            "detectionrun", models.Index(fields=["created_at", "id"], name="run_oldest")
        ),
        RemoveIndexConcurrently("detectionrun", "run_by_age"),
    ]

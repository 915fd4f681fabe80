"""Takes the values of sensitive columns out of the answers of jobs, as no value of them is kept anywhere."""

import json
from collections.abc import Collection
from uuid import UUID

from monitors.models import Job


def forget_values(*, places: Collection[str], columns: Collection[str]) -> None:
    """Take the values of columns out of the answers that say what these places hold."""
    if not columns:
        return
    samples = Job.objects.filter(
        kind=Job.Kind.SAMPLE, status=Job.Status.SUCCEEDED, fields__place__in=list(places)
    )
    for job in samples.select_for_update(no_key=True):
        job.answer = _without_values(job.answer, columns)
        job.save(update_fields=["answer"])


def forget_conditions(*, monitor_id: UUID, columns: Collection[str]) -> None:
    """Take the conditions that name columns out of the answers that explain runs of a monitor."""
    if not columns:
        return
    explained = Job.objects.filter(
        kind=Job.Kind.EXPLAIN_RUN, status=Job.Status.SUCCEEDED, monitor_id=monitor_id
    )
    for job in explained.select_for_update(no_key=True):
        job.answer = _without_conditions(job.answer, columns)
        job.save(update_fields=["answer"])


def _without_conditions(answer: str, columns: Collection[str]) -> str:
    found = json.loads(answer)
    kept = [each for each in found["slices"] if not set(columns).intersection(each["columns"])]
    return json.dumps(found | {"slices": kept}, ensure_ascii=False)


def _without_values(answer: str, columns: Collection[str]) -> str:
    found = json.loads(answer)
    for column in found["columns"]:
        if column["name"] in columns:
            column["values"] = []
            found.get("spans", {}).pop(column["name"], None)
    return json.dumps(found, ensure_ascii=False)

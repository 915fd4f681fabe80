"""Takes the values of sensitive columns out of the answers of jobs, as no value of them is kept anywhere."""

import json
from collections.abc import Collection
from uuid import UUID

from monitors.models import Job, Monitor

FORGOTTEN = "A feature of a found slice has become sensitive since; ask again."


def forget_values_of(monitor: Monitor) -> None:
    """Take the values of a monitor's sensitive columns out of all answers."""
    places = {monitor.reference_data_uri, monitor.current_data_uri}
    forget_values(places=places, columns=monitor.sensitive_features)
    forget_conditions(monitor_id=monitor.id, columns=monitor.sensitive_features)


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
    """Take the slices out of the answers that explain runs of a monitor by conditions on columns."""
    if not columns:
        return
    explained = Job.objects.filter(
        kind=Job.Kind.EXPLAIN_RUN, status=Job.Status.SUCCEEDED, monitor_id=monitor_id
    )
    for job in explained.select_for_update(no_key=True):
        found = json.loads(job.answer)
        named = {column for each in found["slices"] for column in each["columns"]}
        if not named.isdisjoint(columns):
            found |= {"slices": [], "summary": FORGOTTEN}
            job.answer = json.dumps(found, ensure_ascii=False)
            job.save(update_fields=["answer"])


def _without_values(answer: str, columns: Collection[str]) -> str:
    found = json.loads(answer)
    for column in found["columns"]:
        if column["name"] in columns:
            column["values"] = []
            found.get("spans", {}).pop(column["name"], None)
    return json.dumps(found, ensure_ascii=False)

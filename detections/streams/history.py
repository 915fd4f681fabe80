"""Finding an outcome again by its number."""

from datetime import datetime

from detections.models import OutcomeBatch, OutcomeStream
from monitors.sources import table_from_bytes


def time_of_outcome(stream: OutcomeStream, sequence: int) -> datetime | None:
    """When an outcome occurred; the beginning of its batch if only that is kept, None if neither is."""
    batches = OutcomeBatch.objects.filter(stream=stream, first_sequence__lte=sequence, outcomes__gt=0)
    batch = batches.order_by("-first_sequence").first()
    if batch is None or sequence >= batch.first_sequence + batch.outcomes:
        return None
    if batch.content is None:
        return batch.occurred_from
    moment: datetime = table_from_bytes(bytes(batch.content))["occurred_at"][sequence - batch.first_sequence].as_py()
    return moment

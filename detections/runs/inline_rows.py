"""Drops the columns of sensitive features from the rows that were sent with a run."""

from detections.models import DetectionRun
from monitors.sources import table_from_bytes, table_to_bytes


def drop_sensitive_rows(run: DetectionRun) -> None:
    """Keep the rows of an ended run without its sensitive features, in the caller's transaction.

    Only the report reads them again, and it leaves these features out.
    """
    sensitive = run.monitor.sensitive_features
    if not sensitive:
        return
    rows = DetectionRun.objects.filter(id=run.id, inline_data__isnull=False)
    for content in rows.values_list("inline_data", flat=True):
        table = table_from_bytes(bytes(content or b""))
        kept = [name for name in table.column_names if name not in sensitive]
        rows.update(inline_data=table_to_bytes(table.select(kept)))

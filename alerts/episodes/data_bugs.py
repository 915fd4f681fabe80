"""Lets an episode that people call a bug of the data mark its windows as bad, so that nothing is compared with them."""

from alerts.models import Alert
from monitors.bad_windows.services import drop_for_episode, keep_for_episode


def keep_bad_window(alert: Alert) -> None:
    """Mark the windows of an alert that was acknowledged as `data_bug`, in the caller's transaction."""
    if not _is_data_bug(alert) or alert.window_start is None or alert.window_end is None:
        return
    keep_for_episode(
        monitor_id=alert.monitor_id,
        episode=alert.id,
        start=alert.window_start,
        end=alert.window_end,
        by=alert.acknowledged_by,
    )


def follow_reason(alert: Alert) -> None:
    """Mark the windows of an alert whose reason was given, or take the mark of another reason back."""
    if _is_data_bug(alert):
        keep_bad_window(alert)
    else:
        drop_for_episode(alert.id)


def _is_data_bug(alert: Alert) -> bool:
    return alert.acknowledged_reason == Alert.Reason.DATA_BUG

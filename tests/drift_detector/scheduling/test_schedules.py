"""Rows of django-celery-beat, looked at as its own scheduler would."""

import pytest
from django_celery_beat.models import CrontabSchedule, PeriodicTask, PeriodicTasks

from drift_detector.scheduling.cron import BadSchedule
from drift_detector.scheduling.schedules import (
    check_storable,
    expression_of,
    put_schedule,
    remove_schedule,
)

pytestmark = pytest.mark.django_db


def put(
    name: str = "monitor:1",
    expression: str = "15 6 1-7 */2 mon",
    zone: str = "Asia/Tokyo",
    on: bool = True,
) -> None:
    put_schedule(name, expression=expression, zone=zone, enabled=on)


def test_put_schedule__new__keeps_each_field_and_the_zone() -> None:
    put()
    crontab = CrontabSchedule.objects.get()
    assert (crontab.minute, crontab.hour, crontab.day_of_month) == ("15", "6", "1-7")
    assert (crontab.month_of_year, crontab.day_of_week, str(crontab.timezone)) == (
        "*/2",
        "mon",
        "Asia/Tokyo",
    )


def test_put_schedule__new__names_the_tick_task() -> None:
    put()
    task = PeriodicTask.objects.get()
    assert (task.task, task.enabled) == ("detections.record_ticks", True)


def test_put_schedule__same_name_again__changes_the_one_row() -> None:
    put()
    put(expression="0 0 * * *", on=False)
    task = PeriodicTask.objects.get()
    assert (task.crontab.hour, task.enabled) == ("0", False)


def test_put_schedule__two_of_the_same_cron__share_the_crontab() -> None:
    put("monitor:1")
    put("monitor:2")
    assert CrontabSchedule.objects.count() == 1


def test_put_schedule__doubled_crontab_rows__takes_one_of_them() -> None:
    put("monitor:1")
    CrontabSchedule.objects.create(**CrontabSchedule.objects.values().get() | {"id": None})
    put("monitor:2")
    assert CrontabSchedule.objects.count() == 2


def test_put_schedule__changed__tells_beat_to_read_again() -> None:
    before = PeriodicTasks.last_change()
    put()
    after = PeriodicTasks.last_change()
    assert after is not None
    assert after != before


def test_remove_schedule__known_and_unknown_names__leaves_the_others() -> None:
    put("monitor:1")
    put("monitor:2")
    remove_schedule("monitor:1")
    remove_schedule("monitor:3")
    assert PeriodicTask.objects.get().name == "monitor:2"


def test_expression_of__what_was_put__comes_back() -> None:
    put()
    assert expression_of(PeriodicTask.objects.get()) == ("15 6 1-7 */2 mon", "Asia/Tokyo")


@pytest.mark.parametrize(
    "expression", ["0 0 L * *", "0 0 * * 2L", "0 0 * * 1#2", "0 0 * * 7", "1/70 * * * *"]
)
def test_check_storable__what_celery_does_not_know__is_refused(expression: str) -> None:
    with pytest.raises(BadSchedule, match=r"can't be kept as a schedule|not a cron expression"):
        check_storable(expression, "UTC")


@pytest.mark.parametrize(
    "expression", ["* * * * *", "*/5 0-6 1,15 JAN-MAR mon-fri", "59 23 31 12 6"]
)
def test_check_storable__what_both_know__passes(expression: str) -> None:
    check_storable(expression, "Europe/Berlin")
    assert CrontabSchedule(
        **dict(zip(("minute", "hour"), expression.split(), strict=False))
    ).schedule


def test_put_schedule__more_spaces__is_not_a_change(db: None) -> None:
    put_schedule("one", expression="0 6 * * *", zone="UTC", enabled=True)
    before = PeriodicTask.objects.get(name="one").last_run_at
    put_schedule("one", expression="0  6 * *  *", zone="UTC", enabled=True)
    assert PeriodicTask.objects.get(name="one").last_run_at == before

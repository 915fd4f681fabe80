import gzip
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alerts.models import Alert
from algorithms.picture_format import pack
from detections.models import Backtest, BaselineFrame, DetectionRun, RunProfile
from drift_detector.tenancy.models import Membership, Role, Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from monitors.baselines import builds
from monitors.models import BadWindow, Baseline, Monitor
from tests.data import DRIFTED_WEEK, TIMESTAMPS
from tests.detections.profiles.test_views import judged
from tests.drift_detector.screens.queries import at_most
from tests.drift_detector.screens.reading import page_text
from tests.factories import (
    WEEK,
    make_bad_window,
    make_detection,
    make_finished_run,
    make_monitor,
    make_run,
)

HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture
def browser(staff: User, client: Client) -> Client:
    client.force_login(staff)
    return client


def page_of(monitor: Monitor) -> str:
    return f"/admin/monitors/{monitor.id}/"


def ask(browser: Client, monitor: Monitor, **asked: str) -> Any:
    """The part of the page that a button of it gets from a script."""
    return browser.post(page_of(monitor), asked, headers={"HX-Request": "true"})


def make_alert(run: DetectionRun, severity: str, **fields: Any) -> Alert:
    values: dict[str, Any] = {
        "monitor": run.monitor, "first_run": run, "last_run": run, "severity": severity,
        "opened_at": run.created_at, "summary": f"{severity} drift",
        "window_start": run.window_start, "window_end": run.window_end,
    }  # fmt: skip
    return Alert.objects.create(tenant_id=run.tenant_id, **values | fields)


def wide_windows(monitor: Monitor, *, features: int, windows: int) -> None:
    """Profiles of many features over many weeks, as a worker would store them."""
    own = {"tenant_id": monitor.tenant_id}
    baseline = Baseline.objects.create(**own, monitor=monitor, version=99, status="failed")
    frames = [{"name": f"feature_{place}", "kind": "numeric"} for place in range(features)]
    BaselineFrame.objects.create(**own, baseline=baseline, content=pack(frames))
    effects = [round(0.002 * place, 4) for place in range(features)]
    letters = "".join("d" if effect > 0.5 else "o" for effect in effects)
    scores = pack({"ks": [list(range(features)), letters, effects, effects, 0.5]})
    for week in range(windows):
        run = make_finished_run(monitor, "drift", week=week, baseline=baseline)
        span = {"window_start": run.window_start, "window_end": run.window_end}
        RunProfile.objects.create(
            **own, **span, run=run, monitor=monitor, drawn=pack([]), scores=scores
        )


def test_monitor__drifted_window__says_it_in_a_sentence(
    browser: Client, flights_monitor: Monitor
) -> None:
    run = judged(flights_monitor, week=DRIFTED_WEEK)
    Alert.objects.all().delete()
    make_alert(run, "critical")
    words = page_text(browser.get(page_of(flights_monitor)))
    assert (
        "2 of 3 features drifted in the week of 22 January 2024; one critical alert waits for you; "
        "the next run is Monday"
    ) in words


def test_monitor__sentence__links_the_run_and_the_alert(
    browser: Client, flights_monitor: Monitor
) -> None:
    run = judged(flights_monitor, week=DRIFTED_WEEK)
    Alert.objects.all().delete()
    alert = make_alert(run, "critical")
    page = browser.get(page_of(flights_monitor)).content.decode()
    assert f'<a href="/admin/runs/{run.id}/">2 of 3 features</a>' in page
    assert f'<a href="/admin/alerts/{alert.id}/">one critical alert</a>' in page


@pytest.mark.parametrize(
    ("attention", "severities", "words"),
    [
        ("new", ["warning", "critical", "info"], "three alerts, one of them critical , wait for"),
        ("acknowledged", ["warning"], "one warning alert is open and seen"),
        ("new", [], "no alert is open"),
    ],
)
def test_monitor__its_alerts__are_counted_in_words(
    browser: Client, monitor: Monitor, attention: str, severities: list[str], words: str
) -> None:
    run = make_finished_run(monitor)
    for severity in severities:
        make_alert(run, severity, attention=attention, slice_key=severity)
    assert words in page_text(browser.get(page_of(monitor)))


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("insufficient_data", "n the week of 22 January 2024 there was too little data to judge"),
        ("no_data", "n the week of 22 January 2024 there was no data"),
        ("error", "n the week of 22 January 2024 nothing could be judged"),
    ],
)
def test_monitor__window_that_was_not_judged__is_said(
    browser: Client, monitor: Monitor, verdict: str, words: str
) -> None:
    make_finished_run(monitor, verdict)
    assert words in page_text(browser.get(page_of(monitor)))


def test_monitor__paused__says_that_no_run_is_planned(browser: Client, monitor: Monitor) -> None:
    Monitor.objects.update(status="paused")
    words = page_text(browser.get(page_of(monitor)))
    assert "it is paused, so no run is planned" in words
    assert "The monitor is paused; it has no run to come." in words


def test_monitor__schedule__is_in_words_with_five_runs_of_its_zone(
    browser: Client, in_tenant: Tenant
) -> None:
    monitor = make_monitor(schedule_cron="0 7 * * 1", timezone="America/New_York")
    page = browser.get(page_of(monitor))
    assert "At 07:00 on Monday (America/New_York)." in page_text(page)
    times = re.findall(r"data-instant>\d{4}-\d\d-\d\d 07:00 E[SD]T<", page.content.decode())
    assert len(times) == 5


def test_heat_map__of_two_windows__has_a_link_for_each_feature_in_each(
    browser: Client, flights_monitor: Monitor
) -> None:
    runs = [judged(flights_monitor, week=week) for week in (2, 3)]
    page = browser.get(page_of(flights_monitor)).content.decode()
    for run in runs:
        for name in ("delay", "distance", "carrier"):
            link = f"/admin/monitors/{flights_monitor.id}/feature/?name={name}&amp;run={run.id}"
            assert f'href="{link}"' in page


def test_heat_map__of_drift__has_the_worst_features_first(
    browser: Client, flights_monitor: Monitor
) -> None:
    judged(flights_monitor, week=DRIFTED_WEEK)
    page = browser.get(page_of(flights_monitor)).content.decode()
    names = page[page.index('class="heat-names"') : page.index('class="heat-cells"')]
    assert names.index("carrier") < names.index("distance")
    assert names.index("delay") < names.index("distance")


def test_heat_map__300_features_in_52_windows__fits_into_60_kb(
    browser: Client, monitor: Monitor
) -> None:
    wide_windows(monitor, features=300, windows=52)
    page = browser.get(page_of(monitor)).content
    assert len(gzip.compress(page)) <= 60_000
    assert page.count(b"feature_299,") == 2 * 52  # the worst: in tooltips and for screen readers
    assert b"feature_279," not in page


def test_heat_map__rest_of_the_features__comes_40_at_a_time(
    browser: Client, monitor: Monitor
) -> None:
    wide_windows(monitor, features=70, windows=2)
    assert "Show 40 more features" in page_text(browser.get(page_of(monitor)))
    more = browser.get(f"{page_of(monitor)}heat/?from=20").content.decode()
    assert set(re.findall(r"feature_(\d+),", more)) == {str(each) for each in range(10, 50)}
    assert "Show 10 more features" in more
    assert "more features" not in browser.get(f"{page_of(monitor)}heat/?from=60").content.decode()


@pytest.mark.parametrize("query", ["from=x", "from=-1", "from=", "from=0&until=yesterday"])
def test_heat_map__query_that_means_nothing__is_not_found(
    browser: Client, monitor: Monitor, query: str
) -> None:
    assert browser.get(f"{page_of(monitor)}heat/?{query}").status_code == 404


def test_heat_map__earlier_windows__are_asked_for_by_a_moment(
    browser: Client, flights_monitor: Monitor
) -> None:
    runs = [judged(flights_monitor, week=week) for week in (2, 3)]
    until = quote(runs[1].window_start.isoformat())
    page = browser.get(f"{page_of(flights_monitor)}?until={until}").content.decode()
    heat = page[page.index('class="heat-cells"') : page.index('aria-label="Runs"')]
    assert [str(run.id) in heat for run in runs] == [True, False]


def test_performance__over_windows__is_a_line_with_its_limit(
    browser: Client, monitor: Monitor
) -> None:
    for week, value in enumerate((0.92, 0.85)):
        run = make_finished_run(monitor, week=week)
        detail = {
            "feature": "accuracy", "verdict": "drift" if value < 0.9 else "ok", "statistic": value,
            "threshold": 0.9, "explanation": {"lower": value - 0.01, "upper": value + 0.01},
        }  # fmt: skip
        make_detection(run, "performance", detection_type="performance", details=[detail])
    page = browser.get(page_of(monitor)).content.decode()
    assert "accuracy over time" in page
    assert "limit 0.9" in page
    assert "0.85 (0.84 to 0.86), drift" in page


def test_strip__ticks_without_a_run__are_a_step(browser: Client, monitor: Monitor) -> None:
    for week in (0, 1, 4):
        tick = TIMESTAMPS[0] + (week + 1) * WEEK
        make_finished_run(monitor, week=week, scheduled_for=tick)
    page = browser.get(page_of(monitor)).content.decode()
    assert page.count('class="s-gap"') == 1
    assert "2 ticks without a run, from 2024-01-22 00:00 UTC on" in page


def test_strip__skipped_and_failed_runs__say_why(browser: Client, monitor: Monitor) -> None:
    make_run(monitor, week=0, status="skipped", reason="Missed; catch_up is skip.")
    tick = TIMESTAMPS[2]
    make_finished_run(monitor, "error", week=1, scheduled_for=tick, reason="The file is gone.")
    words = page_text(browser.get(page_of(monitor)))
    assert "skipped (2024-01-08 00:00 UTC, schedule). Missed; catch_up is skip." in words
    assert "failed (2024-01-15 00:00 UTC, schedule). The file is gone." in words


def test_power__of_a_baseline__is_drawn_for_each_feature(
    browser: Client, flights_monitor: Monitor
) -> None:
    page = browser.get(page_of(flights_monitor)).content.decode()
    panel = page[page.index('aria-label="Power"') :]
    assert all(f"{name}: usually up to " in panel for name in ("delay", "distance", "carrier"))
    assert panel.count(" σ</text>") == 2
    assert panel.count(" of rows</text>") == 1


def test_run_now__by_an_operator__queues_a_run(browser: Client, monitor: Monitor) -> None:
    answer = ask(browser, monitor, action="run")
    run = DetectionRun.objects.get()
    assert (run.trigger, run.status, run.requested_by) == ("manual", "queued", "user:ana")
    assert "0 of 1 runs have ended" in page_text(answer)
    assert "hx-trigger" in answer.content.decode()


def test_run_now__without_a_script__shows_the_page_again(browser: Client, monitor: Monitor) -> None:
    answer = browser.post(page_of(monitor), {"action": "run"}, follow=True)
    assert answer.redirect_chain == [(page_of(monitor), 302)]
    assert "A run over the latest window is queued." in page_text(answer)


def test_backfill__of_days__makes_a_run_for_each_tick(browser: Client, monitor: Monitor) -> None:
    asked = {"action": "backfill", "first": "2024-01-08", "last": "2024-01-22"}
    answer = ask(browser, monitor, **asked)
    runs = DetectionRun.objects.order_by("scheduled_for")
    ticks = [TIMESTAMPS[0] + week * WEEK for week in (1, 2, 3)]
    assert list(runs.values_list("scheduled_for", flat=True)) == ticks
    assert {(run.trigger, run.raises_alerts) for run in runs} == {("backfill", False)}
    assert "3 runs of these days are queued." in page_text(answer)


def test_days__marked_as_bad__are_listed_until_they_are_unmarked(
    browser: Client, monitor: Monitor
) -> None:
    asked = {"action": "bad", "first": "2024-01-08", "last": "2024-01-09", "reason": "Cut off."}
    answer = browser.post(page_of(monitor), asked, follow=True)
    row = BadWindow.objects.get()
    assert (row.window_start, row.window_end) == (
        datetime(2024, 1, 8, tzinfo=UTC),
        datetime(2024, 1, 10, tzinfo=UTC),
    )
    assert "These days are marked as bad" in page_text(answer)
    assert "Cut off." in page_text(answer)
    asked = {"action": "unmark", "bad_window": str(row.id)}
    answer = browser.post(page_of(monitor), asked, follow=True)
    assert "is not marked as bad any more." in page_text(answer)
    assert not BadWindow.objects.exists()


def test_unmark__window_of_another_monitor__is_left(browser: Client, monitor: Monitor) -> None:
    row = make_bad_window(make_monitor(name="Other"))
    answer = ask(browser, monitor, action="unmark", bad_window=str(row.id))
    assert "is not marked as bad any more." in page_text(answer)
    assert BadWindow.objects.count() == 1


def test_forms__of_days__suggest_the_latest_ticks_and_not_a_run_of_today(
    browser: Client, monitor: Monitor
) -> None:
    for week in range(14):
        make_finished_run(monitor, week=week, scheduled_for=TIMESTAMPS[0] + week * WEEK)
    make_finished_run(monitor, trigger="manual", scheduled_for=timezone.now())
    days = set(
        re.findall(
            r'type="date"[^>]*value="([^"]*)"|value="([^"]*)"[^>]*type="date"',
            (browser.get(page_of(monitor)).content.decode()),
        )
    )
    assert {first or last for first, last in days} == {"2024-01-15", "2024-04-01"}


def test_backtest__of_days__is_asked_for(browser: Client, flights_monitor: Monitor) -> None:
    asked = {"action": "backtest", "first": "2024-01-15", "last": "2024-01-22"}
    answer = ask(browser, flights_monitor, **asked)
    backtest = Backtest.objects.get()
    assert backtest.start == TIMESTAMPS[2]
    assert reverse("screens:backtest", args=[backtest.id]) in answer.content.decode()


def test_new_baseline__asked_for__is_shown_until_it_is_ready(
    browser: Client, flights_monitor: Monitor
) -> None:
    since = quote(timezone.now().isoformat())
    answer = ask(browser, flights_monitor, action="baseline")
    assert "building Version 2 of the baseline" in page_text(answer)
    made = flights_monitor.baselines.get(version=2)
    builds.build_baseline(tenant_id=made.tenant_id, baseline_id=made.id, worker="worker-1")
    work = browser.get(f"{page_of(flights_monitor)}progress/?since={since}")
    assert "ready Version 2 of the baseline" in page_text(work)
    assert "hx-trigger" not in work.content.decode()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"action": "backfill", "first": "2024-02-01", "last": "2024-01-01"}, "must not be before"),
        ({"action": "backfill", "first": "", "last": "2024-01-01"}, "From: This field is required"),
        ({"action": "backfill", "first": "2199-01-01", "last": "2199-02-01"}, "in the future"),
        ({"action": "backfill", "first": "0001-01-01", "last": "0001-01-02"}, "must be from 1900"),
        ({"action": "backtest", "first": "2024-01-01", "last": "9999-12-31"}, "must be from 1900"),
        ({"action": "backfill", "first": "1901-01-01", "last": "2024-01-01"}, "This is more than"),
        ({"action": "backtest", "first": "2024-01-01", "last": "2024-02-01"}, "needs a baseline"),
        ({"action": "bad", "first": "2199-01-01", "last": "2199-02-01"}, "in the future"),
        ({"action": "unmark", "bad_window": "x"}, "valid UUID"),
        ({"action": "explode"}, "There is no such action."),
    ],
)
def test_action__that_cannot_be_done__says_why(
    browser: Client, monitor: Monitor, asked: dict[str, str], words: str
) -> None:
    answer = ask(browser, monitor, **asked)
    assert words in page_text(answer)
    assert 'role="alert"' in answer.content.decode()
    assert not DetectionRun.objects.exists()


def test_action__over_the_quota__writes_nothing(
    browser: Client, monitor: Monitor, override: Callable[..., None]
) -> None:
    override(quotas={"runs_per_day": 0})
    answer = ask(browser, monitor, action="run")
    assert "quota" in page_text(answer)
    assert not DetectionRun.objects.exists()


def test_action__on_a_disabled_monitor__is_refused(browser: Client, monitor: Monitor) -> None:
    Monitor.objects.update(status="disabled")
    assert 'value="run"' not in browser.get(page_of(monitor)).content.decode()
    answer = ask(browser, monitor, action="run")
    assert "The monitor is disabled." in page_text(answer)


@pytest.mark.parametrize("action", ["run", "baseline", "backfill", "backtest", "bad", "unmark"])
def test_action__of_a_viewer__is_forbidden(browser: Client, monitor: Monitor, action: str) -> None:
    Membership.objects.update(role=Role.VIEWER)
    baselines = Baseline.objects.count()
    assert browser.post(page_of(monitor), {"action": action}).status_code == 403
    assert 'value="run"' not in browser.get(page_of(monitor)).content.decode()
    assert (DetectionRun.objects.count(), Baseline.objects.count()) == (0, baselines)


@pytest.mark.parametrize("until", ["x", "0001-01-01T00:00:00%2B14:00", "2024-13-01", "%00"])
def test_monitor__time_that_is_none__is_not_found(
    browser: Client, monitor: Monitor, until: str
) -> None:
    assert browser.get(f"{page_of(monitor)}?until={until}").status_code == 404


@pytest.mark.parametrize("part", ["", "heat/?from=0", "progress/"])
def test_monitor__of_another_tenant__is_not_found(
    browser: Client, other_tenant: Tenant, part: str
) -> None:
    with tenant_scope(other_tenant.id):
        theirs = make_monitor(name="Secret monitor")
    page = browser.get(f"{page_of(theirs)}{part}")
    assert page.status_code == 404
    assert "Secret monitor" not in page.content.decode()
    assert browser.post(page_of(theirs), {"action": "run"}).status_code == 404


def test_monitor__hostile_words__are_inert(browser: Client, in_tenant: Tenant) -> None:
    monitor = make_monitor(name=HOSTILE)
    run = make_finished_run(monitor, "error", reason=HOSTILE)
    make_alert(run, "warning", summary=HOSTILE)
    page = browser.get(page_of(monitor)).content.decode()
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_work__of_runs__counts_those_that_ended(browser: Client, monitor: Monitor) -> None:
    since = quote((timezone.now() - timedelta(minutes=1)).isoformat())
    Baseline.objects.update(status="failed")
    make_finished_run(monitor, "drift", week=0)
    make_run(monitor, week=1)
    page = browser.get(f"{page_of(monitor)}progress/?since={since}")
    assert "1 of 2 runs have ended" in page_text(page)
    DetectionRun.objects.filter(status="queued").delete()
    page = browser.get(f"{page_of(monitor)}progress/?since={since}")
    assert "Show the page with it" in page_text(page)


def test_monitor__with_windows__takes_at_most_15_queries(
    browser: Client, flights_monitor: Monitor
) -> None:
    for week in (2, 3):
        judged(flights_monitor, week=week)
    with at_most(15):
        browser.get(page_of(flights_monitor))

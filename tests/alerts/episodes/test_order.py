"""Any order of the same runs ends alike: the state of the newest window, and the runs of the episodes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.episodes.episode_alerts import state_of
from alerts.episodes.events import Circumstances, move
from alerts.episodes.folding import IDLE, EpisodeState, Rules, RunsOf, advance
from alerts.episodes.observations import DriftEntry, Observation, Place
from alerts.episodes.phases import Move
from alerts.models import Alert, AlertEvent, AlertRun
from algorithms.method_results import PerformanceMethod
from algorithms.verdicts import Severity, Verdict
from detections.results import RunResult
from detections.runs.completion import complete_run
from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from tests.alerts.episodes.test_follow_ups import metric_result
from tests.data import TIMESTAMPS
from tests.factories import WEEK, drift_result, make_monitor, make_run, plain_result, take

SEVERITIES = [severity.value for severity in Severity]
VERDICTS = st.sampled_from(["ok", "ok", *SEVERITIES, "unjudged", "no_data"])


@dataclass(frozen=True)
class Said:
    """What the run of a week says."""

    week: int
    verdict: str
    is_follow_up: bool = False


def weeks(verdicts: Sequence[str]) -> list[Said]:
    return [Said(week, verdict) for week, verdict in enumerate(verdicts, 1)]


def result_of(said: Said) -> RunResult:
    """The result of a run: KS on `delay`, or accuracy in a follow-up."""
    if said.verdict == "no_data":
        return plain_result(Verdict.NO_DATA)
    if said.is_follow_up:
        verdict = Verdict.DRIFT if said.verdict in SEVERITIES else Verdict.OK
        return metric_result(verdict, PerformanceMethod.PERFORMANCE)
    if said.verdict in SEVERITIES:
        return drift_result(Severity(said.verdict), "delay", "distance")
    return ok_result(Verdict.OK if said.verdict == "ok" else Verdict.INSUFFICIENT_DATA)


def ok_result(verdict: Verdict) -> RunResult:
    """An ok run that judged `distance`, and `delay` too or not."""
    drifted = drift_result(Severity.WARNING, "delay", "distance").methods[0]
    delay, distance = (replace(each, severity=None) for each in drifted.details)
    details = (replace(delay, verdict=verdict), replace(distance, verdict=Verdict.OK))
    method = replace(drifted, verdict=Verdict.OK, is_drifted=False, severity=None, details=details)
    return RunResult(verdict=Verdict.OK, rows=2000, methods=(method,))


def settle(monitor: Monitor, runs: Sequence[Said]) -> None:
    for said in runs:
        trigger = "labels" if said.is_follow_up else "schedule"
        run = make_run(monitor, week=said.week, trigger=trigger)
        assert complete_run(take(run), result_of(said))


def ended(monitor: Monitor) -> dict[str, Any]:
    """What must not depend on the order: the newest state of each kind, and the rows of all alerts."""
    alerts = Alert.objects.filter(monitor=monitor).exclude(kind=Alert.Kind.HEALTH)
    going_on = alerts.exclude(phase="resolved")
    rows = AlertRun.objects.filter(alert__in=alerts)
    return {
        "states": {alert.kind: without_records(state_of(alert, alert.kind)) for alert in going_on},
        "columns": sorted(going_on.values_list("kind", "phase", "severity")),
        "rows": sorted(rows.values_list("alert__kind", "window_end", "track", "verdict")),
        "occurrences": sum(alerts.values_list("occurrences", flat=True)),
    }


def without_records(state: EpisodeState) -> EpisodeState:
    entries = tuple(replace(entry, record={}) for entry in state.entries)
    return replace(state, entries=entries)


def both_orders(monitor_fields: dict[str, Any], runs: list[Said], shuffled: list[Said]) -> None:
    with transaction.atomic():
        first, second = make_monitor(**monitor_fields), make_monitor(**monitor_fields)
        settle(first, runs)
        settle(second, shuffled)
        assert ended(second) == ended(first)
        transaction.set_rollback(True)


SLOW = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
DEFAULTS = {"open_after": None, "resolve_after": 2}


@SLOW
@given(verdicts=st.lists(VERDICTS, min_size=2, max_size=7), data=st.data())
def test_checks__any_order__end_alike(
    in_tenant: Tenant, verdicts: list[str], data: st.DataObject
) -> None:
    runs = weeks(verdicts)
    both_orders(DEFAULTS, runs, data.draw(st.permutations(runs)))


@SLOW
@given(
    checks=st.lists(VERDICTS, min_size=1, max_size=4),
    follow_ups=st.lists(st.sampled_from(["ok", "warning"]), min_size=1, max_size=4),
    data=st.data(),
)
def test_checks_and_follow_ups__any_order__end_alike(
    in_tenant: Tenant, checks: list[str], follow_ups: list[str], data: st.DataObject
) -> None:
    fields = DEFAULTS | {"performance_limits": {"accuracy": {"minimum": 0.9}}}
    measured = [Said(week, verdict, True) for week, verdict in enumerate(follow_ups, 1)]
    runs = sorted([*weeks(checks), *measured], key=lambda said: (said.week, said.is_follow_up))
    both_orders(fields, runs, data.draw(st.permutations(runs)))


# The fold alone, with the rules of a monitor that the tests above do not have.

RULES = st.builds(
    lambda runs, more, resolve_after: Rules(
        opening={"warning": RunsOf(runs, runs + more), "critical": RunsOf(1, 1)},
        resolve_after=resolve_after,
    ),
    st.integers(1, 3),
    st.integers(0, 3),
    st.integers(1, 3),
)


def observed(week: int, verdict: str) -> Observation:
    place = Place(moment_of(week), moment_of(week), "check")
    is_drift = verdict in SEVERITIES
    entry = DriftEntry.of_record({"method": "ks", "feature": "delay"}, place.window_end)
    return Observation(
        run_id=str(week),
        place=place,
        verdict="drift" if is_drift else "ok",
        severity=verdict if is_drift else "",
        entries=(entry,) if is_drift else (),
        not_ok=frozenset() if verdict == "ok" else frozenset({"delay"}),
    )


def moment_of(week: int) -> datetime:
    return TIMESTAMPS[0] + week * WEEK


def fold(observations: Sequence[Observation], rules: Rules) -> list[EpisodeState]:
    states, state = [], IDLE
    for each in sorted(observations, key=lambda one: one.place):
        state = advance(state, each, rules)
        states.append(state)
    return states


@given(verdicts=st.lists(VERDICTS, max_size=12), rules=RULES)
def test_fold__through_json__is_the_same(verdicts: list[str], rules: Rules) -> None:
    observations = [observed(week, verdict) for week, verdict in enumerate(verdicts)]
    for state in fold(observations, rules):
        assert EpisodeState.of_json(state.as_json()) == state
    for each in observations:
        columns = {name: getattr(each, name) for name in ("run_id", "place", "verdict", "severity")}
        assert Observation.of_json(each.as_json(), **columns) == each


@given(verdicts=st.lists(VERDICTS, max_size=12), rules=RULES)
def test_fold__pending__counts_the_runs_as_a_list_does(verdicts: list[str], rules: Rules) -> None:
    """Until it opens, an episode opens where the verdicts alone say so."""
    judged = [verdict if verdict in SEVERITIES else "" for verdict in verdicts]
    states = fold([observed(week, each) for week, each in enumerate(verdicts)], rules)
    opened = next((i for i, state in enumerate(states) if state.phase == "open"), None)
    needed = rules.opening["warning"]
    expected = next(
        (
            i
            for i, verdict in enumerate(judged)
            if verdict == "critical"
            or (
                verdict and sum(map(bool, judged[max(0, i + 1 - needed.of) : i + 1])) >= needed.runs
            )
        ),
        None,
    )
    assert opened == expected


@given(oks=st.integers(1, 5), resolve_after=st.integers(1, 5))
def test_fold__ok_runs_in_a_row__recover_then_resolve(oks: int, resolve_after: int) -> None:
    rules = Rules(resolve_after=resolve_after)
    states = fold(
        [observed(0, "critical"), *(observed(week, "ok") for week in range(1, oks + 1))], rules
    )
    assert states[-1].phase == ("recovering" if oks < resolve_after else "")


# What a late run does, step by step.


@pytest.fixture
def monitor(in_tenant: Tenant) -> Monitor:
    return make_monitor(name="Flights", **DEFAULTS)


def kinds_of_events() -> list[str]:
    moves = AlertEvent.objects.exclude(kind=AlertEvent.Kind.RETRAINING)
    events = moves.order_by("created_at", "number")
    return list(events.values_list("kind", flat=True))


def test_late_drift__resolved_since__is_a_silent_alert_of_the_past(monitor: Monitor) -> None:
    settle(monitor, [Said(5, "ok"), Said(6, "ok"), Said(3, "critical")])
    alert = Alert.objects.get()
    assert (alert.phase, alert.occurrences, alert.announced_severity) == ("resolved", 1, "")
    assert not AlertEvent.objects.filter(notifies=True).exists()
    rows = AlertRun.objects.order_by("window_end").values_list("verdict", "is_late")
    assert list(rows) == [("drift", True), ("ok", False), ("ok", False)]


def test_late_drift__makes_two_of_three__opens_without_a_word(monitor: Monitor) -> None:
    settle(monitor, [Said(3, "warning"), Said(5, "ok"), Said(4, "warning")])
    alert = Alert.objects.get()
    assert (alert.phase, alert.announced_severity) == ("recovering", "")
    assert kinds_of_events() == ["pending", "corrected", "late_run"]
    settle(monitor, [Said(6, "warning")])
    assert (
        AlertEvent.objects.filter(notifies=True).values_list("kind", flat=True).get() == "worsened"
    )


def test_late_drift__in_a_resolved_episode__never_reopens_it(monitor: Monitor) -> None:
    settle(monitor, [Said(1, "critical"), Said(3, "ok"), Said(5, "ok"), Said(4, "critical")])
    first, second = Alert.objects.order_by("created_at")
    assert (first.phase, second.phase) == ("resolved", "recovering")
    assert (second.previous_id, second.announced_severity) == (first.id, "")


def test_late_ok__resolves_earlier__corrects_without_a_word(monitor: Monitor) -> None:
    settle(monitor, [Said(1, "critical"), Said(3, "ok"), Said(2, "ok")])
    assert Alert.objects.get().phase == "resolved"
    assert kinds_of_events() == ["opened", "recovering", "corrected", "late_run"]
    assert AlertEvent.objects.filter(notifies=True).count() == 1


def test_late_drift__alert_resolved_by_a_person__stays_resolved(monitor: Monitor) -> None:
    settle(monitor, [Said(3, "critical"), Said(6, "critical")])
    alert = Alert.objects.get()
    move(alert, Move.RESOLVED, Circumstances(actor="user:ana"))
    alert.save()
    settle(monitor, [Said(5, "critical")])
    assert Alert.objects.get().phase == "resolved"
    assert Alert.objects.get().occurrences == 3
    settle(monitor, [Said(7, "critical")])
    assert Alert.objects.get(phase="open").previous_id == alert.id


def test_two_of_three__opens_with_the_second_and_is_told_once(monitor: Monitor) -> None:
    settle(monitor, [Said(1, "warning"), Said(2, "ok"), Said(3, "warning"), Said(4, "warning")])
    assert kinds_of_events() == ["pending", "opened"]
    assert AlertEvent.objects.get(kind="opened").notifies
    assert Alert.objects.get().occurrences == 3


def test_one_of_three__fades_unseen(monitor: Monitor) -> None:
    settle(monitor, [Said(1, "warning"), Said(2, "ok"), Said(3, "ok"), Said(4, "warning")])
    faded, pending = Alert.objects.order_by("created_at")
    assert (faded.phase, faded.opened_at, pending.phase) == ("resolved", None, "pending")
    assert pending.previous_id is None


def test_late_drift__worse_than_all__worsens_nothing(monitor: Monitor) -> None:
    monitor.open_after = {"warning": {"runs": 1, "of": 1}}
    monitor.save()
    settle(monitor, [Said(3, "info"), Said(5, "info"), Said(4, "critical")])
    alert = Alert.objects.get()
    assert (alert.severity, alert.announced_severity, alert.peak_severity) == (
        "info",
        "info",
        "critical",
    )
    assert kinds_of_events() == ["opened", "late_run"]

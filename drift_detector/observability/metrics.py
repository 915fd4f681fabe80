"""Prometheus metrics. Labels take what we know beforehand, never an id: there is no end to those."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram

from drift_detector.env import variable_name
from drift_detector.observability import tracing
from drift_detector.observability.multiprocess import count_together, exposition

if variable_name("metrics", "port") in os.environ:
    count_together()  # only now: it is settled how a metric counts when it is made

Phase = Literal["claim", "load", "open", "evaluate", "outcomes", "settle"]
Ending = Literal["succeeded", "failed", "postponed", "lost"]
Noticer = Literal["worker", "reconciler"]

METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PATCH", "PUT", "DELETE"})
LATENESS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600, 21600)
WORK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)

REQUESTS = Counter("drift_http_requests_total", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram("drift_http_request_seconds", "Time to answer a request.", ["method", "route"])

TICK_LAG = Histogram(
    "drift_tick_lag_seconds", "From a cron tick to its row in the ledger.", buckets=LATENESS
)
BEAT_IS_LEADER = Gauge(
    "drift_beat_is_leader", "1 in the beat that fires ticks.", multiprocess_mode="mostrecent"
)

QUEUE_OLDEST = Gauge(
    "drift_queue_oldest_seconds",
    "How long the oldest due run has waited; backfills aside.",
    multiprocess_mode="mostrecent",
)
RUNS_UNFINISHED = Gauge(
    "drift_runs_unfinished", "Runs that have not ended.", ["status"], multiprocess_mode="mostrecent"
)
RUN_WAIT = Histogram(
    "drift_run_wait_seconds",
    "From when a run could be taken to its first attempt.",
    buckets=LATENESS,
)
RUN_PHASE = Histogram(
    "drift_run_phase_seconds", "Time a phase of an attempt took.", ["phase"], buckets=WORK
)
ATTEMPTS = Counter("drift_run_attempts_total", "Attempts at runs that have ended.", ["outcome"])
ATTEMPTS_IN_PROGRESS = Gauge(
    "drift_run_attempts_in_progress", "Attempts at runs going on.", multiprocess_mode="livesum"
)
LEASE_LOSSES = Counter(
    "drift_lease_losses_total", "Leases that ran out before the work was done.", ["noticed_by"]
)
WAKE_UPS_NOT_SENT = Counter("drift_wake_ups_not_sent_total", "Wake-ups the broker did not take.")

OUTBOX_UNPUBLISHED = Gauge(
    "drift_outbox_unpublished", "Events that wait to be published.", multiprocess_mode="mostrecent"
)
OUTBOX_OLDEST = Gauge(
    "drift_outbox_oldest_seconds",
    "How long the oldest of them has waited.",
    multiprocess_mode="mostrecent",
)
OUTBOX_DEAD_LETTERS = Gauge(
    "drift_outbox_dead_letters",
    "Events given up and not dealt with yet.",
    multiprocess_mode="mostrecent",
)

ROUNDS = Counter("drift_rounds_total", "Rounds of a process's loop.", ["process", "did"])
LAST_ROUND = Gauge(
    "drift_last_round_timestamp_seconds",
    "When the last round ended.",
    ["process"],
    multiprocess_mode="mostrecent",
)
ROUND_LIMIT = Gauge(
    "drift_round_limit_seconds", "How old that may be.", ["process"], multiprocess_mode="mostrecent"
)

# A series that first appears as 1 was never seen to rise.
for _ending in ("succeeded", "failed", "postponed", "lost"):
    ATTEMPTS.labels(_ending)
for _noticer in ("worker", "reconciler"):
    LEASE_LOSSES.labels(_noticer)


def observe_tick_lag(scheduled_for: datetime) -> None:
    """A tick stands in the ledger; how late, against the time it was due."""
    TICK_LAG.observe(max(0.0, (timezone.now() - scheduled_for).total_seconds()))


def observe_claim(*, since: datetime, attempt: int) -> None:
    """A run was claimed that could be since then; later attempts wait by design and aren't counted."""
    if attempt == 1:
        RUN_WAIT.observe(max(0.0, (timezone.now() - since).total_seconds()))


@contextmanager
def timed_phase(phase: Phase) -> Iterator[None]:
    """Time a phase of an attempt, as a metric and as a span of its trace."""
    with tracing.span(phase), RUN_PHASE.labels(phase).time():
        yield


def count_attempt(ending: Ending) -> None:
    """An attempt ended; `lost` is one whose end is written nowhere."""
    ATTEMPTS.labels(ending).inc()


def count_lease_losses(noticed_by: Noticer, number: int = 1) -> None:
    """Leases were lost: a worker that lives found out, or the reconciler took runs back from silent ones."""
    LEASE_LOSSES.labels(noticed_by).inc(number)


def set_queue(*, queued: int, running: int, oldest: datetime | None) -> None:
    """The ledger as it is now; `oldest` is since when its longest-waiting run could have been taken."""
    RUNS_UNFINISHED.labels("queued").set(queued)
    RUNS_UNFINISHED.labels("running").set(running)
    QUEUE_OLDEST.set(_age(oldest))


def set_outbox(*, unpublished: int, oldest: datetime | None, dead_letters: int) -> None:
    """The outbox as it is now; `oldest` is when the oldest unpublished event was written."""
    OUTBOX_UNPUBLISHED.set(unpublished)
    OUTBOX_OLDEST.set(_age(oldest))
    OUTBOX_DEAD_LETTERS.set(dead_letters)


def _age(since: datetime | None) -> float:
    return max(0.0, (timezone.now() - since).total_seconds()) if since else 0.0


class RequestMetricsMiddleware:
    """Counts and times requests by route, not by path: ids in paths would make a series each."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self._get_response(request)
        route = request.resolver_match.route if request.resolver_match else "unmatched"
        # A label takes what we know and not what is sent, or there is no end to the series.
        method = request.method if request.method in METHODS else "other"
        SECONDS.labels(method, route).observe(time.perf_counter() - began)
        REQUESTS.labels(method, route, response.status_code).inc()
        return response


def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)

"""The service's Prometheus metrics.

A label takes only values that are known beforehand. An id as a label would make endless series.
"""

import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram

from drift_detector.env import variable_name
from drift_detector.observability import tracing
from drift_detector.observability.multiprocess import exposition, share_metrics_with_children
from drift_detector.observability.routes import route_of

if variable_name("metrics", "port") in os.environ:
    # A metric chooses at its creation where it counts: in memory, or in files that the children of
    # the process share. So the files are chosen here, before the first metric below is created.
    share_metrics_with_children()

Phase = Literal["claim", "load", "open", "evaluate", "outcomes", "support", "settle"]
Ending = Literal["succeeded", "failed", "postponed", "lost"]
NoticedBy = Literal["worker", "reconciler"]

KAFKA_REASONS = ("unreachable", "authentication", "tls", "authorization", "other")
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
WAKE_UPS_NOT_SENT = Counter(
    "drift_wake_ups_not_sent_total", "Messages that the broker did not take."
)

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
    "Dead-lettered events that are not resolved yet.",
    multiprocess_mode="mostrecent",
)

KAFKA_ERRORS = Counter(
    "drift_kafka_errors_total",
    "Errors of a Kafka client: brokers out of reach, refused logins, certificates and rights.",
    ["client", "reason"],
)
KAFKA_TROUBLE = Gauge(
    "drift_kafka_trouble",
    "1 while a Kafka client has this trouble.",
    ["client", "reason"],
    multiprocess_mode="mostrecent",
)
CERTIFICATE_DAYS = Gauge(
    "drift_kafka_certificate_days",
    "Days until the end of a certificate for Kafka.",
    ["file"],
    multiprocess_mode="mostrecent",
)

NOTIFICATIONS = Counter(
    "drift_notifications_total", "Notifications, by what became of a try.", ["ended"]
)
NOTIFICATIONS_DUE = Gauge(
    "drift_notifications_due", "Notifications that are due.", multiprocess_mode="mostrecent"
)
NOTIFICATIONS_OLDEST = Gauge(
    "drift_notifications_oldest_seconds",
    "How long the oldest of them has been due.",
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

THROTTLED = Counter(
    "drift_throttled_total", "Requests and logins refused by a limit of their rate.", ["policy"]
)
THROTTLES_ALONE = Counter(
    "drift_throttles_alone_total",
    "Times that Valkey did not answer, and a process counted requests by itself for a while.",
)
OVER_QUOTA = Counter(
    "drift_over_quota_total", "What was refused because a tenant's quota is used up.", ["quota"]
)
REFUSED_SIGN_INS = Counter(
    "drift_refused_sign_ins_total",
    "Requests with a wrong key or token, and wrong passwords.",
    ["kind"],
)
LEAKED_KEYS = Counter(
    "drift_leaked_keys_total", "Requests refused because their address held an API key."
)

# Prometheus sees no increase in a series that begins with 1, so each series begins with 0.
for _policy in ("key", "tenant", "address", "wrong-keys", "account", "login-address", "hashing"):
    THROTTLED.labels(_policy)
for _kind in ("key", "password"):
    REFUSED_SIGN_INS.labels(_kind)
for _ending in ("succeeded", "failed", "postponed", "lost"):
    ATTEMPTS.labels(_ending)
for _ended in ("sent", "failed", "given_up", "suppressed", "summarised"):
    NOTIFICATIONS.labels(_ended)
for _noticed_by in ("worker", "reconciler"):
    LEASE_LOSSES.labels(_noticed_by)


def observe_tick_lag(scheduled_for: datetime) -> None:
    """Observe how long after its time a tick is in the ledger."""
    TICK_LAG.observe(max(0.0, (timezone.now() - scheduled_for).total_seconds()))


def observe_claim(*, since: datetime, attempt: int) -> None:
    """Observe how long a run waited for its first attempt.

    Args:
        since: The time from which the run could be claimed.
        attempt: The number of the attempt. Later attempts wait by design, so they do not count.
    """
    if attempt == 1:
        RUN_WAIT.observe(max(0.0, (timezone.now() - since).total_seconds()))


@contextmanager
def timed_phase(phase: Phase) -> Iterator[None]:
    """Time a phase of an attempt, as a metric and as a span of its trace."""
    with tracing.span(phase), RUN_PHASE.labels(phase).time():
        yield


def count_attempt(ending: Ending) -> None:
    """Count an attempt that ended; the result of a `lost` one is recorded nowhere."""
    ATTEMPTS.labels(ending).inc()


def count_lease_losses(noticed_by: NoticedBy, number: int = 1) -> None:
    """Count lost leases, noticed by the worker itself or by the reconciler."""
    LEASE_LOSSES.labels(noticed_by).inc(number)


def count_throttled(policy: str) -> None:
    """Count a request that a limit had no room for."""
    THROTTLED.labels(policy).inc()


def count_over_quota(quota: str) -> None:
    """Count something that a tenant's quota had no room for."""
    OVER_QUOTA.labels(quota).inc()


def count_leaked_key() -> None:
    """Count a request with an API key in its address."""
    LEAKED_KEYS.inc()


def count_refused_sign_in(kind: Literal["key", "token", "password", "code", "provider"]) -> None:
    """Count a wrong key, token, password or code, or a sign-in that the provider did not let through."""
    REFUSED_SIGN_INS.labels(kind).inc()


def set_queue(*, queued: int, running: int, oldest: datetime | None) -> None:
    """Set the gauges of the ledger.

    Args:
        queued: The number of queued runs.
        running: The number of running runs.
        oldest: The time from which the longest-waiting run could be claimed.
    """
    RUNS_UNFINISHED.labels("queued").set(queued)
    RUNS_UNFINISHED.labels("running").set(running)
    QUEUE_OLDEST.set(_age(oldest))


def set_outbox(*, unpublished: int, oldest: datetime | None, dead_letters: int) -> None:
    """Set the gauges of the outbox.

    Args:
        unpublished: The number of events that wait.
        oldest: The time at which the oldest of them was written.
        dead_letters: The number of dead-lettered events.
    """
    OUTBOX_UNPUBLISHED.set(unpublished)
    OUTBOX_OLDEST.set(_age(oldest))
    OUTBOX_DEAD_LETTERS.set(dead_letters)


def count_kafka_error(client: str, reason: str) -> None:
    """Count an error that a Kafka client reports about its brokers or its rights."""
    KAFKA_ERRORS.labels(client, reason).inc()


def set_kafka_trouble(client: str, reasons: Collection[str]) -> None:
    """Set which troubles a Kafka client has now."""
    for reason in KAFKA_REASONS:
        KAFKA_TROUBLE.labels(client, reason).set(reason in reasons)


def set_certificate_days(file: str, days: float) -> None:
    """Set how long a certificate is still valid; negative once it has ended."""
    CERTIFICATE_DAYS.labels(file).set(days)


def count_notification(ended: str) -> None:
    """Count a notification that was sent, failed once, was given up, suppressed or summarised."""
    NOTIFICATIONS.labels(ended).inc()


def set_notifications(*, due: int, oldest: datetime | None) -> None:
    """Set the gauges of the notifications that wait.

    Args:
        due: The number of notifications that are due.
        oldest: The time since which the oldest of them is due.
    """
    NOTIFICATIONS_DUE.set(due)
    NOTIFICATIONS_OLDEST.set(_age(oldest))


def _age(since: datetime | None) -> float:
    return max(0.0, (timezone.now() - since).total_seconds()) if since else 0.0


class RequestMetricsMiddleware:
    """Counts and times requests by route. By path, each id would make a series."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self._get_response(request)
        route = route_of(request)
        # Clients can send any method, and each would make a series.
        method = request.method if request.method in METHODS else "other"
        SECONDS.labels(method, route).observe(time.perf_counter() - began)
        REQUESTS.labels(method, route, response.status_code).inc()
        return response


def metrics(request: HttpRequest) -> HttpResponse:
    """`GET /metrics` of the web process."""
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)

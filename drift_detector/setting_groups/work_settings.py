"""The work of workers and processes: runs, jobs, outcomes, events, reports."""

import re
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from drift_detector.setting_groups.group import (
    LONGEST_SLUG,
    LONGEST_TOPIC,
    OUTCOME_TOPIC,
    SLUG,
    TENANT,
    Group,
    Positive,
    Topic,
)


class Runs(Group):
    lease_seconds: Positive = Field(
        default=60, description="how long a run belongs to a worker that stopped answering"
    )
    heartbeat_seconds: Positive = Field(
        default=10, description="how often a worker renews its lease"
    )
    max_helpers: Positive = Field(
        default=7, description="other workers that are asked to help with a divided window"
    )
    max_child_bytes: Annotated[int, Field(ge=0)] = Field(
        default=4 * 2**30,
        description="memory that a worker's child may take beyond its start; 0 sets no bound",
    )
    leave_free: Annotated[int, Field(ge=0)] = Field(
        default=1,
        description="slots of the workers that one tenant leaves to the others; 0 with one tenant",
    )
    max_attempts: Positive = Field(default=3, description="attempts before a run is failed")
    retry_seconds: Positive = Field(
        default=30, description="wait before the second attempt; doubles after each"
    )
    time_limit_seconds: Positive = Field(
        default=600, description="the longest one attempt may take"
    )
    drain_seconds: Annotated[int, Field(ge=0)] = Field(
        default=15,
        description="how long a worker that is told to stop may go on; then it hands its work back",
    )
    reconcile_seconds: Positive = Field(
        default=15, description="how often lost wake-ups and expired leases are looked for"
    )
    max_per_tenant: Positive = Field(
        default=16,
        description="runs, builds, jobs and so on of one tenant at work at once; with few tenants, as many as workers",
    )
    max_catch_up: Annotated[int, Field(gt=0, le=1000)] = Field(
        default=100, description="the most missed ticks that catch_up=all runs"
    )
    retention_days: Positive = Field(
        default=400,
        description="days that runs, backtests and replaced baselines are kept; runs of alerts as long as the alerts",
    )
    max_backfill: Positive = Field(
        default=1000, description="the most runs one backfill may ask for"
    )
    max_backtest: Positive = Field(
        default=500, description="the most ticks one backtest may replay"
    )


class Jobs(Group):
    wait_seconds: Annotated[float, Field(ge=0, le=60)] = Field(
        default=10,
        description="how long a request waits for a worker to read data; then it is answered with 202",
    )
    time_limit_seconds: Positive = Field(
        default=60, description="the longest that a worker may read data for a request"
    )
    max_per_tenant: Positive = Field(
        default=1, description="jobs of one tenant that workers have at once; others wait"
    )
    max_unfinished: Positive = Field(
        default=100, description="jobs of one tenant that have no answer yet; beyond, 429"
    )
    retention_days: Positive = Field(
        default=7, description="days that the answers of jobs are kept"
    )


class Outcomes(Group):
    retention_days: Positive = Field(
        default=90,
        description="days that outcomes are kept, and that a prediction waits for its label",
    )
    topic: str = Field(
        default="outcomes.{tenant}",
        description="Kafka topic of a tenant's outcomes, {tenant} is its slug; without, one topic of all tenants",
        min_length=1,
    )
    dead_letter_topic: str = Field(
        default="model.outcomes.dead",
        description="where messages go that can't be used, with the reason",
        pattern=r"^[a-zA-Z0-9._-]{1,249}$",
    )
    group: str = Field(
        default="aumos-drift-detector",
        description="consumer group of consume_outcomes",
        min_length=1,
    )

    @field_validator("topic")
    @classmethod
    def _is_a_topic(cls, topic: str) -> str:
        if len(topic.replace(TENANT, "x" * LONGEST_SLUG)) > LONGEST_TOPIC:
            raise ValueError(
                f"a topic has at most {LONGEST_TOPIC} characters, {LONGEST_SLUG} of them the slug"
            )
        # Between dots, so that no other topic can be taken for a tenant's.
        if not OUTCOME_TOPIC.fullmatch(topic):
            raise ValueError(
                "a topic has letters, digits, . _ and -; {tenant} stands once, beside a dot"
            )
        return topic

    @model_validator(mode="after")
    def _reads_no_dead_letters(self) -> "Outcomes":
        pattern = re.escape(self.topic).replace(re.escape(TENANT), SLUG)
        if re.fullmatch(pattern, self.dead_letter_topic):
            raise ValueError(
                "the topic includes the dead-letter topic, which would be read again for ever"
            )
        return self


class Events(Group):
    retention_days: Positive = Field(
        default=30, description="days that published events are kept in the outbox"
    )
    alert_resolved_topic: Topic = Field(
        default="", description="Kafka topic of drift.alert_resolved; empty: it is not published"
    )
    alert_acknowledged_topic: Topic = Field(
        default="",
        description="Kafka topic of drift.alert_acknowledged; empty: it is not published",
    )


class Reports(Group):
    max_rows: Positive = Field(
        default=20_000, description="rows of each window that Evidently's report is made from"
    )

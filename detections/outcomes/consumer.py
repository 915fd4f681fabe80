"""Consumes outcomes from Kafka: each message counts once, even if a process is killed."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import structlog
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet

from detections.models import ConsumerOffset
from detections.outcomes.ingest import DEFAULT_STREAM, lock_stream
from detections.outcomes.outcome_tables import (
    LONGEST_BATCH_ID,
    LONGEST_STREAM,
    check_name,
    rows_from_json,
)
from detections.outcomes.refusals import BadOutcomes
from detections.outcomes.services import accept_outcomes
from detections.outcomes.topics import OutcomeTopics
from drift_detector.api.names import unknown_names
from drift_detector.events.broker_watch import reason_of
from drift_detector.events.kafka_clients import create_consumer, create_producer
from drift_detector.tenancy.quotas import OverQuota
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.selection import tenant_named
from monitors.models import Monitor

log = structlog.get_logger(__name__)

MESSAGES_AT_ONCE = 1000
POLL_SECONDS = 0.5
ANSWER_SECONDS = 10
LONGEST_REASON = 1000
LONGEST_LETTER = 500_000
SHARED = (
    "Who may write to the topic may write for every tenant; outcomes.{tenant} gives each its own."
)
LEFT = (
    "This group has read these topics before, and AUMOS_DRIFT_OUTCOMES__TOPIC does not name them."
)
ENVELOPE = ("tenant_id", "monitor_id", "stream", "batch_id")


class UnusableMessages(Exception):
    """Messages that can't be used: the reason of each, by its offset."""

    def __init__(self, reasons: dict[int, str]) -> None:
        super().__init__(f"{len(reasons)} messages can't be used")
        self.reasons = reasons


class Place(NamedTuple):
    """The place of a message: topic, partition and offset."""

    topic: str
    partition: int
    offset: int

    @property
    def source(self) -> tuple[str, int]:
        """The partition, which is read in order."""
        return self.topic, self.partition


class Target(NamedTuple):
    """The stream and batch that outcomes belong to."""

    tenant_id: UUID
    monitor_id: UUID
    stream: str
    batch_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundTenant:
    """The tenant that a topic's name binds its messages to.

    Attributes:
        is_bound: False for a topic that all tenants share, where each message names its tenant.
        id: None if no tenant has the slug in the topic's name.
    """

    is_bound: bool
    id: UUID | None = None

    def resolve(self, named: str | None) -> UUID:
        """The tenant of a message, from what it names itself.

        Raises:
            BadOutcomes: If the topic is another tenant's, or no tenant's.
        """
        if not self.is_bound:
            return UUID(named)
        if self.id is None:
            raise BadOutcomes("There is no tenant with the slug that the topic's name holds.")
        if named is not None and UUID(named) != self.id:
            raise BadOutcomes(
                "The message names another tenant than the one that the topic belongs to."
            )
        return self.id


@dataclass(frozen=True, slots=True)
class Parcel:
    """The outcomes of one message."""

    offset: int
    target: Target
    outcomes: list[Any]


class OutcomeConsumer:
    """Reads the topic of outcomes; `step` takes in what one poll brings.

    The database holds the next offset of a partition, and is written in the transaction that stores what the
    messages did. So a message counts once, also when the broker delivers it twice, when this process is killed between
    any two instructions, or when another consumer has the same partition for a while. A message that can't be used goes
    to the dead-letter topic with the reason, at least once, before the ones after it are taken.
    """

    def __init__(self, partitions: Iterable[int] = (), topic: str | None = None) -> None:
        """Join the consumer group, or read fixed partitions without one.

        Args:
            partitions: Those to read, of one topic.
            topic: The topic of these; by default the one of the settings, if all tenants share it.
        """
        self._settings = settings.ENV.outcomes
        self._topics = OutcomeTopics(self._settings.topic)
        self._producer = create_producer()
        self._consumer = create_consumer(group=self._settings.group, reset="error")
        self._warn()
        fixed = topic or self._settings.topic
        if assigned := [TopicPartition(fixed, partition) for partition in partitions]:
            self._consumer.assign(self._placed(assigned))
        else:
            self._consumer.subscribe([self._topics.subscription], on_assign=self._take_over)

    def _warn(self) -> None:
        """Say what the settings mean that an earlier version had, or that were in force before."""
        if not self._topics.are_per_tenant:
            log.warning("outcomes_topic_shared", topic=self._settings.topic, meaning=SHARED)
        offsets = ConsumerOffset.objects.filter(group=self._settings.group)
        known = offsets.values_list("topic", flat=True).distinct()
        if left := sorted(topic for topic in known if not self._topics.includes(topic)):
            log.warning("outcomes_topics_not_read", topics=left, meaning=LEFT)

    def step(self) -> bool:
        """Take in one poll's messages; True when there were some.

        Raises:
            DatabaseError: If the database is away; the messages are read again.
        """
        self._producer.check()
        polled = self._consumer.consume(MESSAGES_AT_ONCE, POLL_SECONDS)
        self._consumer.check()
        usable = [message for message in polled if not self._is_error(message)]
        try:
            self._take_in_all(_chunks_by_partition(usable))
        except KafkaException as error:
            log.warning("dead_letters_not_delivered", error=str(error))
            return False
        return bool(usable)

    def _take_in_all(self, chunks: list[list[Message]]) -> None:
        for position, chunk in enumerate(chunks):
            try:
                self._take_in(chunk)
            except Exception:
                self._read_again(chunks[position:])
                raise

    def _is_error(self, message: Message) -> bool:
        error = message.error()
        self._consumer.watch.on_delivery(message.topic() or "", error)
        if error is not None and reason_of(error) != "authorization":  # the watch has that by topic
            self._note(error, message)
        return error is not None

    def _note(self, error: KafkaError, message: Message) -> None:
        """Log an error of the broker or of a partition; begin anew where an offset is gone."""
        if error.fatal():
            raise KafkaException(error)
        topic, partition = message.topic(), message.partition()
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            log.info("outcomes_topic_missing", topic=self._settings.topic)
            return
        if error.code() != KafkaError._AUTO_OFFSET_RESET or topic is None or partition is None:
            self._consumer.watch.on_error(error)
            return
        self._begin_anew(topic, partition)

    def _begin_anew(self, topic: str, partition: int) -> None:
        """Go on where a partition now begins, as the broker does not have what comes next.

        Either it has forgotten messages before we read them, or it has not come so far: then the topic was made anew,
        and what it holds is new to us.
        """
        low, high = self._consumer.get_watermark_offsets(
            TopicPartition(topic, partition), timeout=ANSWER_SECONDS
        )
        is_new, _ = self._offsets(topic, partition).filter(next_offset__gt=high).delete()
        event = "topic_begun_again" if is_new else "outcomes_lost"
        log.error(event, topic=topic, partition=partition, low=low, high=high)
        self._assign_again(topic, partition)

    def _assign_again(self, topic: str, partition: int) -> None:
        """Assign all partitions again, one from its beginning: one without an offset can't be sought."""
        placed = self._placed(self._consumer.assignment())
        for each in placed:
            if (each.topic, each.partition) == (topic, partition):
                each.offset = OFFSET_BEGINNING
        self._consumer.assign(placed)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _read_again(self, chunks: list[list[Message]]) -> None:
        for chunk in chunks:
            place = _place(chunk[0])
            try:
                self._consumer.seek(TopicPartition(*place))
            except KafkaException:
                # Another consumer has the partition by now, and reads it from where we stand.
                log.warning("partition_lost", topic=place.topic, partition=place.partition)

    def _take_over(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.assign(self._placed(partitions))

    def _placed(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """The partitions, each where the database says that it has been read up to."""
        offsets = ConsumerOffset.objects.filter(
            group=self._settings.group, topic__in={each.topic for each in partitions}
        )
        known = {
            (topic, partition): offset
            for topic, partition, offset in offsets.values_list("topic", "partition", "next_offset")
        }
        for each in partitions:
            each.offset = known.get((each.topic, each.partition), OFFSET_BEGINNING)
        return partitions

    def _take_in(self, chunk: list[Message]) -> None:
        """Take in messages of one partition."""
        taken, dead_lettered = self._commit_usable(chunk)
        topic, partition = _place(chunk[0]).source
        log.info(
            "outcomes_consumed",
            topic=topic,
            partition=partition,
            messages=taken,
            dead_lettered=dead_lettered,
        )

    def _commit_usable(self, chunk: list[Message]) -> tuple[int, int]:
        """Commit the messages that are new; unusable ones are dead-lettered, then the rest is taken anew.

        Returns:
            How many messages were new, and how many of all are dead-lettered.
        """
        dead_lettered: set[int] = set()
        while True:
            try:
                return self._commit(chunk, dead_lettered), len(dead_lettered)
            except UnusableMessages as error:
                self._dead_letter(chunk, error.reasons)
                dead_lettered |= set(error.reasons)

    @transaction.atomic
    def _commit(self, chunk: list[Message], dead_lettered: set[int]) -> int:
        last = _place(chunk[-1])
        offset = self._locked_offset(*last.source)
        new = [each for each in chunk if _place(each).offset >= offset.next_offset]
        usable = [each for each in new if each.offset() not in dead_lettered]
        _deliver_all(usable, self._bound_tenant(last.topic))
        if new:
            offset.next_offset = last.offset + 1
            offset.save(update_fields=["next_offset", "updated_at"])
        return len(new)

    def _bound_tenant(self, topic: str) -> BoundTenant:
        """The tenant whose outcomes a topic holds, if its name says so."""
        if not self._topics.are_per_tenant:
            return BoundTenant(is_bound=False)
        slug = self._topics.slug_of(topic)
        tenant = tenant_named(slug) if slug else None
        return BoundTenant(is_bound=True, id=tenant.id if tenant else None)

    def _locked_offset(self, topic: str, partition: int) -> ConsumerOffset:
        """The offset of a partition, made if there is none, and locked until the transaction ends."""
        offsets = self._offsets(topic, partition)
        if (offset := offsets.select_for_update().first()) is not None:
            return offset
        self._make_offset(topic, partition)
        return offsets.select_for_update().get()

    def _make_offset(self, topic: str, partition: int) -> None:
        group = self._settings.group
        fresh = ConsumerOffset(group=group, topic=topic, partition=partition, next_offset=0)
        ConsumerOffset.objects.bulk_create([fresh], ignore_conflicts=True)

    def _dead_letter(self, chunk: list[Message], reasons: dict[int, str]) -> None:
        """Copy messages to the dead-letter topic, and wait until the broker has them."""
        for message in chunk:
            reason = reasons.get(_place(message).offset)
            if reason is not None:
                self._produce_dead_letter(message, reason)
        self._producer.flush()

    def _produce_dead_letter(self, message: Message, reason: str) -> None:
        value, place = message.value() or b"", _place(message)
        self._producer.produce(
            self._settings.dead_letter_topic,
            key=message.key(),
            value=value[:LONGEST_LETTER],  # with its headers it must not be larger than the broker takes
            headers=self._headers(message, reason),
            on_delivery=_raise_undelivered,
        )  # fmt: skip
        log.warning("outcome_refused", **place._asdict(), reason=reason)

    def _headers(self, message: Message, reason: str) -> list[tuple[str, str | bytes | None]]:
        place = _place(message)
        return [
            ("reason", reason[:LONGEST_REASON]),
            ("topic", place.topic),
            ("partition", str(place.partition)),
            ("offset", str(place.offset)),
            ("bytes", str(len(message.value() or b""))),
        ]

    def _offsets(self, topic: str, partition: int) -> QuerySet[ConsumerOffset]:
        group = self._settings.group
        return ConsumerOffset.objects.filter(group=group, topic=topic, partition=partition)


def _chunks_by_partition(messages: Iterable[Message]) -> list[list[Message]]:
    in_order = sorted(messages, key=_place)
    return [list(chunk) for _, chunk in groupby(in_order, key=lambda each: _place(each).source)]


def _stream(parcel: Parcel) -> tuple[UUID, UUID, str]:
    """The stream of a message. Streams are locked whole, so their messages keep their order."""
    return parcel.target.tenant_id, parcel.target.monitor_id, parcel.target.stream


def _batch(parcel: Parcel) -> tuple[Target, int]:
    """A stream's successive messages are one batch; one that names its own batch stays alone."""
    return parcel.target, parcel.offset if parcel.target.batch_id else -1


def _deliver_all(messages: Iterable[Message], tenant: BoundTenant) -> None:
    """Take in the outcomes of one topic's messages, in the caller's transaction.

    Raises:
        UnusableMessages: If some can't be used; the transaction must be rolled back.
    """
    unusable: dict[int, str] = {}
    parcels = _opened(messages, tenant, unusable)
    _lock(parcels)
    for _, together in groupby(sorted(parcels, key=_stream), key=_batch):
        _deliver(list(together), unusable)
    if unusable:
        raise UnusableMessages(unusable)


def _lock(parcels: Iterable[Parcel]) -> None:
    """Lock the streams of all messages first, in one order, or two consumers could wait for each other for ever."""
    for tenant_id, monitor_id, stream in sorted(set(map(_stream, parcels))):
        with tenant_scope(tenant_id):
            if Monitor.objects.filter(id=monitor_id).exists():
                lock_stream(monitor_id, stream)


def _deliver(parcels: list[Parcel], unusable: dict[int, str]) -> None:
    """Take the outcomes of several messages in as one batch; if that fails, each alone, to find the bad ones.

    Whatever a single message makes fail is its own fault, unless the database is away: nothing may stop the partition.
    """
    target = parcels[0].target
    try:
        with tenant_scope(target.tenant_id):
            _accept(target, parcels)
    except (OperationalError, InterfaceError):
        raise
    except (BadOutcomes, OverQuota) as error:
        # Over the quota, the messages are dead-lettered, too: to wait for midnight would stop the partition's others.
        _isolate(parcels, error, unusable)
    except Exception as error:
        if len(parcels) == 1:
            monitor_id = str(target.monitor_id)
            log.exception("outcomes_crashed", monitor_id=monitor_id, offset=parcels[0].offset)
        _isolate(parcels, error, unusable)


def _isolate(parcels: list[Parcel], error: Exception, unusable: dict[int, str]) -> None:
    """Deliver the parcels of a failed batch one by one; a single one is unusable."""
    if len(parcels) == 1:
        unusable[parcels[0].offset] = str(error) or type(error).__name__
        return
    for parcel in parcels:
        _deliver([parcel], unusable)


def _accept(target: Target, parcels: list[Parcel]) -> None:
    monitor = _enabled_monitor(target.monitor_id)
    rows = rows_from_json([outcome for parcel in parcels for outcome in parcel.outcomes])
    batch_id = target.batch_id or f"kafka:{uuid4()}"
    accept_outcomes(monitor=monitor, stream=target.stream, batch_id=batch_id, rows=rows)


def _enabled_monitor(monitor_id: UUID) -> Monitor:
    enabled = Monitor.objects.exclude(status=Monitor.Status.DISABLED)
    monitor = enabled.filter(id=monitor_id).first()
    if monitor is None:
        raise BadOutcomes("The tenant has no such monitor, or it is disabled.")
    return monitor


def _opened(
    messages: Iterable[Message], tenant: BoundTenant, unusable: dict[int, str]
) -> list[Parcel]:
    """The messages' outcomes and where they go; why one can't be read is noted in `unusable`."""
    parcels = []
    for message in messages:
        offset = _place(message).offset
        try:
            parcels.append(_parcel(offset, message, tenant))
        except BadOutcomes as error:
            unusable[offset] = str(error)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            unusable[offset] = (
                f"The message is no JSON object with tenant_id, monitor_id and outcomes: {error!r}"
            )
    return parcels


def _parcel(offset: int, message: Message, tenant: BoundTenant) -> Parcel:
    body = json.loads(message.value() or b"")
    target = _target(body, tenant)
    if "outcomes" not in body:
        return Parcel(offset, target, [_without_envelope(body)])
    if unknown := unknown_names(body, (*ENVELOPE, "outcomes"), what="field"):
        raise BadOutcomes(" ".join(unknown.values()))
    if not isinstance(body["outcomes"], list):
        raise TypeError("outcomes is no array")
    return Parcel(offset, target, body["outcomes"])


def _target(body: dict[str, Any], tenant: BoundTenant) -> Target:
    named = body.get("tenant_id") if tenant.is_bound else body["tenant_id"]
    return Target(
        tenant_id=tenant.resolve(named),
        monitor_id=UUID(body["monitor_id"]),
        stream=check_name("stream", body.get("stream", ""), LONGEST_STREAM) or DEFAULT_STREAM,
        batch_id=check_name("batch_id", body.get("batch_id", ""), LONGEST_BATCH_ID),
    )


def _without_envelope(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in ENVELOPE}


def _place(message: Message) -> Place:
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    return Place(topic, partition, offset)


def _raise_undelivered(error: Any, message: Message) -> None:
    if error is not None:
        raise KafkaException(error)

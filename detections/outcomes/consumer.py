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
    Producer,
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
from drift_detector.api.names import unknown_names
from drift_detector.events.kafka_clients import create_consumer, create_producer
from drift_detector.tenancy.quotas import OverQuota
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor

log = structlog.get_logger(__name__)

MESSAGES_AT_ONCE = 1000
POLL_SECONDS = 0.5
ANSWER_SECONDS = 10
LONGEST_REASON = 1000
LONGEST_LETTER = 500_000
ENVELOPE = ("tenant_id", "monitor_id", "stream", "batch_id")


class UnusableMessages(Exception):
    """Messages that can't be used: the reason of each, by its offset."""

    def __init__(self, reasons: dict[int, str]) -> None:
        super().__init__(f"{len(reasons)} messages can't be used")
        self.reasons = reasons


class Target(NamedTuple):
    """The stream and batch that outcomes belong to."""

    tenant_id: UUID
    monitor_id: UUID
    stream: str
    batch_id: str


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

    def __init__(self, partitions: Iterable[int] = ()) -> None:
        self._settings = settings.ENV.outcomes
        self._producer: Producer = create_producer()
        self._consumer: Consumer = create_consumer(group=self._settings.group, reset="error")
        topic = self._settings.topic
        if fixed := [TopicPartition(topic, partition) for partition in partitions]:
            self._consumer.assign(self._placed(fixed))
        else:
            self._consumer.subscribe([topic], on_assign=self._take_over)

    def step(self) -> bool:
        """Take in one poll's messages; True when there were some.

        Raises:
            DatabaseError: If the database is away; the messages are read again.
        """
        polled = self._consumer.consume(MESSAGES_AT_ONCE, POLL_SECONDS)
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
        if error is not None:
            self._note(error, message)
        return error is not None

    def _note(self, error: KafkaError, message: Message) -> None:
        """Log an error of the broker or of a partition; begin anew where an offset is gone."""
        if error.fatal():
            raise KafkaException(error)
        log.warning("broker_error", error=error.str())
        partition = message.partition()
        if error.code() == KafkaError._AUTO_OFFSET_RESET and partition is not None:
            self._begin_anew(partition)

    def _begin_anew(self, partition: int) -> None:
        """Go on where a partition now begins, as the broker does not have what comes next.

        Either it has forgotten messages before we read them, or it has not come so far: then the topic was made anew,
        and what it holds is new to us.
        """
        low, high = self._consumer.get_watermark_offsets(
            TopicPartition(self._settings.topic, partition), timeout=ANSWER_SECONDS
        )
        is_new, _ = self._offsets().filter(partition=partition, next_offset__gt=high).delete()
        event = "topic_begun_again" if is_new else "outcomes_lost"
        log.error(event, partition=partition, low=low, high=high)
        self._assign_again(partition)

    def _assign_again(self, partition: int) -> None:
        """Assign all partitions again, one from its beginning: one without an offset can't be sought."""
        placed = self._placed(self._consumer.assignment())
        for each in placed:
            if each.partition == partition:
                each.offset = OFFSET_BEGINNING
        self._consumer.assign(placed)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _read_again(self, chunks: list[list[Message]]) -> None:
        for chunk in chunks:
            place = TopicPartition(self._settings.topic, *_place(chunk[0]))
            try:
                self._consumer.seek(place)
            except KafkaException:
                # Another consumer has the partition by now, and reads it from where we stand.
                log.warning("partition_lost", partition=chunk[0].partition())

    def _take_over(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.assign(self._placed(partitions))

    def _placed(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """The partitions, each where the database says that it has been read up to."""
        known = dict(self._offsets().values_list("partition", "next_offset"))
        for partition in partitions:
            partition.offset = known.get(partition.partition, OFFSET_BEGINNING)
        return partitions

    def _take_in(self, chunk: list[Message]) -> None:
        """Take in messages of one partition."""
        taken, dead_lettered = self._commit_usable(chunk)
        log.info(
            "outcomes_consumed",
            partition=chunk[0].partition(),
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
        partition, last = _place(chunk[-1])
        offset = self._locked_offset(partition)
        new = [each for each in chunk if _place(each)[1] >= offset.next_offset]
        _deliver_all([each for each in new if each.offset() not in dead_lettered])
        if new:
            offset.next_offset = last + 1
            offset.save(update_fields=["next_offset", "updated_at"])
        return len(new)

    def _locked_offset(self, partition: int) -> ConsumerOffset:
        """The offset of a partition, made if there is none, and locked until the transaction ends."""
        offsets = self._offsets().filter(partition=partition)
        if (offset := offsets.select_for_update().first()) is not None:
            return offset
        self._make_offset(partition)
        return offsets.select_for_update().get()

    def _make_offset(self, partition: int) -> None:
        group, topic = self._settings.group, self._settings.topic
        fresh = ConsumerOffset(group=group, topic=topic, partition=partition, next_offset=0)
        ConsumerOffset.objects.bulk_create([fresh], ignore_conflicts=True)

    def _dead_letter(self, chunk: list[Message], reasons: dict[int, str]) -> None:
        """Copy messages to the dead-letter topic, and wait until the broker has them."""
        for message in chunk:
            reason = reasons.get(_place(message)[1])
            if reason is not None:
                self._produce_dead_letter(message, reason)
        self._producer.flush()

    def _produce_dead_letter(self, message: Message, reason: str) -> None:
        value, (partition, offset) = message.value() or b"", _place(message)
        self._producer.produce(
            self._settings.dead_letter_topic,
            key=message.key(),
            value=value[:LONGEST_LETTER],  # with its headers it must not be larger than the broker takes
            headers=self._headers(message, reason),
            on_delivery=_raise_undelivered,
        )  # fmt: skip
        log.warning("outcome_refused", partition=partition, offset=offset, reason=reason)

    def _headers(self, message: Message, reason: str) -> list[tuple[str, str | bytes | None]]:
        partition, offset = _place(message)
        return [
            ("reason", reason[:LONGEST_REASON]),
            ("topic", self._settings.topic),
            ("partition", str(partition)),
            ("offset", str(offset)),
            ("bytes", str(len(message.value() or b""))),
        ]

    def _offsets(self) -> QuerySet[ConsumerOffset]:
        return ConsumerOffset.objects.filter(group=self._settings.group, topic=self._settings.topic)


def _chunks_by_partition(messages: Iterable[Message]) -> list[list[Message]]:
    in_order = sorted(messages, key=_place)
    return [list(chunk) for _, chunk in groupby(in_order, key=lambda each: each.partition())]


def _stream(parcel: Parcel) -> tuple[UUID, UUID, str]:
    """The stream of a message. Streams are locked whole, so their messages keep their order."""
    return parcel.target.tenant_id, parcel.target.monitor_id, parcel.target.stream


def _batch(parcel: Parcel) -> tuple[Target, int]:
    """A stream's successive messages are one batch; one that names its own batch stays alone."""
    return parcel.target, parcel.offset if parcel.target.batch_id else -1


def _deliver_all(messages: Iterable[Message]) -> None:
    """Take in the outcomes of messages, in the caller's transaction.

    Raises:
        UnusableMessages: If some can't be used; the transaction must be rolled back.
    """
    unusable: dict[int, str] = {}
    parcels = _opened(messages, unusable)
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


def _opened(messages: Iterable[Message], unusable: dict[int, str]) -> list[Parcel]:
    """The messages' outcomes and where they go; why one can't be read is noted in `unusable`."""
    parcels = []
    for message in messages:
        offset = _place(message)[1]
        try:
            parcels.append(_parcel(offset, message))
        except BadOutcomes as error:
            unusable[offset] = str(error)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            unusable[offset] = (
                f"The message is no JSON object with tenant_id, monitor_id and outcomes: {error!r}"
            )
    return parcels


def _parcel(offset: int, message: Message) -> Parcel:
    body = json.loads(message.value() or b"")
    target = _target(body)
    if "outcomes" not in body:
        return Parcel(offset, target, [_without_envelope(body)])
    if unknown := unknown_names(body, (*ENVELOPE, "outcomes"), what="field"):
        raise BadOutcomes(" ".join(unknown.values()))
    if not isinstance(body["outcomes"], list):
        raise TypeError("outcomes is no array")
    return Parcel(offset, target, body["outcomes"])


def _target(body: dict[str, Any]) -> Target:
    return Target(
        tenant_id=UUID(body["tenant_id"]),
        monitor_id=UUID(body["monitor_id"]),
        stream=check_name("stream", body.get("stream", ""), LONGEST_STREAM) or DEFAULT_STREAM,
        batch_id=check_name("batch_id", body.get("batch_id", ""), LONGEST_BATCH_ID),
    )


def _without_envelope(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in ENVELOPE}


def _place(message: Message) -> tuple[int, int]:
    partition, offset = message.partition(), message.offset()
    assert partition is not None
    assert offset is not None
    return partition, offset


def _raise_undelivered(error: Any, message: Message) -> None:
    if error is not None:
        raise KafkaException(error)

"""How long a worker is without a broker that was away for a moment; it is reached by a cable that can be cut."""

import os
from threading import Timer
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import pytest
from celery.worker.consumer import Consumer

from drift_detector.celery import app
from tasks.reconnecting import EagerConsumer
from tests.chaos.link import Link


@pytest.mark.parametrize(("kind", "is_soon"), [(EagerConsumer, True), (Consumer, False)])
def test_ensure_connected__broker_away_for_a_moment__is_found_soon(
    kind: Any, is_soon: bool
) -> None:
    url = urlsplit(os.environ["AUMOS_DRIFT_REDIS__URL"])
    link = Link(url.port or 0)
    link.cut()
    consumer = kind.__new__(kind)
    consumer.app = app
    broker = app.connection_for_read(f"redis://:{url.password}@127.0.0.1:{link.port}{url.path}")
    began = monotonic()
    Timer(0.5, link.restore).start()
    with consumer.ensure_connected(broker):
        assert (monotonic() - began < 1.5) == is_soon
    link.cut()


def test_worker__consumer__is_ours() -> None:
    assert app.conf.worker_consumer == f"{EagerConsumer.__module__}:{EagerConsumer.__name__}"

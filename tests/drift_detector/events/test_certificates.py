"""Certificates that end: our own files, and a broker's."""

import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
from django.conf import LazySettings
from pydantic import SecretStr

from drift_detector.events.certificates import CertificateWatch
from drift_detector.events.kafka_clients import create_producer
from drift_detector.observability.heartbeats import Heartbeat
from drift_detector.observability.troubles import end_trouble, troubles
from tests.drift_detector.events.certificates import Authority
from tests.drift_detector.events.conftest import wait_for_trouble
from tests.drift_detector.samples import sample


@pytest.fixture(autouse=True)
def no_troubles() -> Iterator[None]:
    yield
    for name in troubles():
        end_trouble(name)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path / "keys")


@pytest.mark.parametrize(
    ("days", "said"), [(3.0, "own.pem ends 20"), (-1.0, "own.pem has ended: 20")]
)
def test_producer__own_certificate_ends__is_in_the_log_and_in_healthz(
    authority: Authority,
    override: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    days: float,
    said: str,
) -> None:
    certificate, _ = authority.sign("own", days=days)
    override(kafka={"ssl_certificate_location": certificate})
    create_producer(**{"ssl.certificate.location": ""}).check()
    assert said in Heartbeat("relay").as_json()["troubles"]["kafka certificate"]
    assert said in caplog.text
    assert sample("drift_kafka_certificate_days", file="own.pem") == pytest.approx(days, abs=0.1)


def test_check__certificate_lasts__says_nothing(authority: Authority) -> None:
    certificate, _ = authority.sign("own", days=15)
    CertificateWatch((certificate, authority.file), timedelta(days=14)).check()
    assert troubles() == {}


def test_check__file_away__says_so(tmp_path: Path) -> None:
    CertificateWatch((tmp_path / "none.pem",), timedelta(days=14)).check()
    assert troubles() == {"kafka certificate": "none.pem can't be read: FileNotFoundError."}


def test_check__day_after_day__tells_once_a_day_until_it_is_replaced(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    now = [0.0]
    certificate, _ = authority.sign("own", days=1)
    watch = CertificateWatch((certificate,), timedelta(days=14), clock=lambda: now[0])
    for _ in range(48):
        watch.check()
        now[0] += 3600
    assert caplog.text.count("kafka_certificate_ends") == 2
    authority.sign("own", days=100)
    now[0] += 86_400
    watch.check()
    assert troubles() == {}


@pytest.fixture
def tls_port(authority: Authority, request: pytest.FixtureRequest) -> Iterator[int]:
    """A port with TLS, whose certificate ends in a number of days."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.sign("broker", days=request.param))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    plain, _ = listener.accept()
                except OSError:
                    return
                try:
                    context.wrap_socket(plain, server_side=True).close()
                except OSError:
                    plain.close()

        Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("tls_port", [-1], indirect=True)
def test_producer__brokers_certificate_has_ended__is_named(
    authority: Authority,
    override: Callable[..., None],
    tls_port: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    override(
        kafka={
            "bootstrap_servers": f"127.0.0.1:{tls_port}",
            "security_protocol": "SSL",
            "ssl_ca_location": authority.file,
        }
    )
    producer = create_producer()
    wait_for_trouble(producer)
    said = Heartbeat("relay").as_json()["troubles"]["kafka producer"]
    assert said.startswith("tls: ")
    assert "certificate" in said
    assert "kafka_unavailable" in caplog.text


def test_settings__with_secrets__do_not_show_them(settings: LazySettings) -> None:
    secret = SecretStr("canary")
    changed = {"sasl_password": secret, "ssl_key_password": secret, "config": {"x": secret}}
    kafka = settings.ENV.kafka.model_copy(update=changed)
    assert "canary" not in f"{kafka!r} {kafka} {kafka.model_dump()} {kafka.model_dump_json()}"

"""`drift login`, `plan`, `apply`, `export` and `schema` against a server of this process."""

import json
import stat
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
import yaml
from django.conf import LazySettings
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections

from drift_detector.commands import service_connection
from drift_detector.commands.drift_command import run
from drift_detector.embedded.state import unused_port
from drift_detector.tenancy.models import Role, Tenant
from tests.alerts.documents.conftest import document_of, watch
from tests.conftest import authorization_of
from tests.factories import rows_of

COUNT = "SELECT count(*) FROM drf_monitors"


class QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """The service has a log of its own."""


def serve(server: WSGIServer) -> None:
    server.serve_forever()
    connections.close_all()


@pytest.fixture
def service(committed_tenant: Tenant, settings: LazySettings) -> Iterator[str]:
    """The address of a server."""
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "127.0.0.1"]
    with make_server("127.0.0.1", 0, WSGIHandler(), handler_class=QuietHandler) as server:
        thread = Thread(target=serve, args=[server])
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def key(committed_tenant: Tenant) -> str:
    return authorization_of(committed_tenant.id, Role.ADMIN).removeprefix("Bearer ")


@pytest.fixture
def known(service: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names the service."""
    monkeypatch.setenv(service_connection.URL_VARIABLE, service)
    monkeypatch.setenv(service_connection.KEY_VARIABLE, key)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No file of the one who runs the tests is read."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in (service_connection.URL_VARIABLE, service_connection.KEY_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "config"


@pytest.fixture
def file(tmp_path: Path, flights: Path) -> Path:
    path = tmp_path / "flights.yaml"
    path.write_text(yaml.safe_dump(document_of(watch(flights, "Flights"))))
    return path


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The sentence with which the command fails."""
    capsys.readouterr()
    assert run(arguments) == 2
    sentence = capsys.readouterr().err
    assert sentence.startswith("drift: ")
    assert sentence.count("\n") == 1
    return sentence.removeprefix("drift: ").strip()


def test_login__right_key__is_kept_for_this_user_alone(
    service: str, key: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO(f"{key}\n"))
    assert run(["login", f"{service}/"]) == 0
    kept = home / "aumos-drift" / "service.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert json.loads(kept.read_text()) == {"url": service, "key": key}


def test_login__wrong_key__keeps_nothing(
    service: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO("adk_wrong\n"))
    assert "key" in fails(capsys, "login", service)
    assert not home.exists()


def test_plan__no_service_known__says_how_to_name_one(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fails(capsys, "plan", str(file)) == service_connection.UNKNOWN


def test_plan__no_one_listens__says_so(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"http://127.0.0.1:{unused_port()}"
    monkeypatch.setenv(service_connection.URL_VARIABLE, address)
    monkeypatch.setenv(service_connection.KEY_VARIABLE, "adk_x")
    sentence = fails(capsys, "plan", str(file))
    assert sentence.startswith(f"{address} cannot be reached: ")
    assert "refused" in sentence


def test_apply__without_yes_and_terminal__does_nothing(
    known: None, file: Path, committed_tenant: Tenant, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(sys, "stdin", StringIO("yes\n"))
    assert fails(capsys, "apply", str(file)) == "Without a terminal, this needs --yes."
    assert rows_of(committed_tenant.id, COUNT) == [(0,)]


def test_apply__then_plan__has_exit_codes_of_diff(
    known: None, file: Path, committed_tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", str(file)]) == 1
    assert run(["apply", str(file), "--yes"]) == 0
    assert run(["plan", str(file)]) == 0
    assert capsys.readouterr().out.endswith("flights: No change.\n")
    assert rows_of(committed_tenant.id, COUNT) == [(1,)]


def test_plan__json__is_what_the_service_answers(
    known: None, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", "--json", str(file)]) == 1
    [plan] = json.loads(capsys.readouterr().out)
    assert (plan["name"], plan["counts"]["create"]) == ("flights", 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("window:", "windwo:"), "monitors[0].windwo: There is no field"),
        (lambda text: text.replace("version: 1", "version: 1\nversion: 1"), "the key 'version' is there twice"),
        (lambda text: text.replace("P7D", "yes"), "monitors[0].window: 'yes' is not an ISO-8601 duration"),
        (lambda text: "a: [", "line 1, column 5: "),
        (lambda text: text.replace("Flights", "\xe9").encode("latin-1"), "must be UTF-8."),
        (lambda text: "&a [*a]", "it must have at most 1,000,000 values"),
        (lambda text: "[" * 20_000, "nested too deeply"),
    ],
)  # fmt: skip
def test_plan__wrong_file__is_one_sentence_with_the_file_and_the_place(
    known: None, file: Path, capsys: pytest.CaptureFixture[str],
    change: Callable[[str], str | bytes], said: str,
) -> None:  # fmt: skip
    changed = change(file.read_text())
    file.write_bytes(changed if isinstance(changed, bytes) else changed.encode())
    sentence = fails(capsys, "plan", str(file))
    assert sentence.startswith(str(file))
    assert said in sentence


def test_plan__of_a_file_that_is_not_there__says_so(
    known: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "missing.yaml"
    assert (
        fails(capsys, "plan", str(missing))
        == f"{missing} cannot be read: No such file or directory."
    )


def test_plan__of_another_documents_monitor__fails_and_names_it(
    known: None, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["apply", str(file), "--yes"]) == 0
    file.write_text(file.read_text().replace("name: flights", "name: other"))
    assert "would be refused" in fails(capsys, "plan", str(file))
    assert "owned by the document 'flights'" in fails(capsys, "apply", str(file), "--yes")


def test_destroy__of_what_was_never_applied__says_so(
    known: None, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no document 'flights' was applied" in fails(capsys, "destroy", str(file), "--yes")

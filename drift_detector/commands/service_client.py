"""Sends the commands' requests to the API of a service, and turns its refusals into one sentence."""

import json
import time
from collections.abc import Mapping
from typing import Any

import requests
from requests.auth import AuthBase

from algorithms.version import VERSION
from drift_detector.commands.service_connection import ServiceConnection
from drift_detector.commands.subcommand import CommandFailed

ROOT = "/api/v1"
PATIENCE = (10, 700)
"""Seconds to connect, and to wait for an answer: the removal of a monitor's years of runs takes up to ten minutes."""
PAUSE_SECONDS = 0.5
LONGEST_JOB_SECONDS = 600
LONGEST_WORD = 200


class Refused(CommandFailed):
    """The service has answered with a problem.

    Attributes:
        status: The HTTP status.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class _Bearer(AuthBase):
    """The key. As a header alone, requests would put what ~/.netrc has in its place."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class ServiceClient:
    """The API of one service, as the owner of a key."""

    def __init__(self, connection: ServiceConnection) -> None:
        self._url = connection.url
        self._session = requests.Session()
        self._session.auth = _Bearer(connection.key)
        self._session.headers.update(
            {"Accept": "application/json", "User-Agent": f"drift/{VERSION}"}
        )

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """Read what is at a path.

        Raises:
            CommandFailed: With what the service says, or why it cannot be reached.
        """
        return _answer_of(self._send("GET", path, query))

    def post(self, path: str, body: Any, query: Mapping[str, str] | None = None) -> Any:
        """Send a body, and wait for the job that answers it if there is one."""
        answer = self._send("POST", path, query, body)
        found = _answer_of(answer)
        return self._wait_for_job(found["id"]) if answer.status_code == 202 else found

    def delete(self, path: str) -> None:
        """Remove what is at a path; what is gone already is fine."""
        try:
            _answer_of(self._send("DELETE", path))
        except Refused as refusal:
            if refusal.status != 404:
                raise

    def _send(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = None
    ) -> requests.Response:
        try:
            return self._session.request(
                method,
                f"{self._url}{ROOT}{path}",
                params=query,
                json=body,
                timeout=PATIENCE,
                allow_redirects=False,
            )
        except requests.Timeout as error:
            raise CommandFailed(f"{self._url} did not answer in time.") from error
        except (requests.RequestException, ValueError) as error:
            raise CommandFailed(f"{self._url} cannot be reached: {_reason(error)}") from error

    def _wait_for_job(self, job_id: str) -> Any:
        until = time.monotonic() + LONGEST_JOB_SECONDS
        while time.monotonic() < until:
            job = self.get(f"/jobs/{job_id}")
            if job["answer_status"] is not None:
                return _job_answer(job)
            time.sleep(PAUSE_SECONDS)
        raise CommandFailed(f"The job {job_id} has no answer yet; the service goes on with it.")


def _job_answer(job: Mapping[str, Any]) -> Any:
    if job["answer_status"] >= 400:
        raise Refused(job["answer_status"], sentence_of(job["answer"], job["answer_status"]))
    return job["answer"]


def _answer_of(answer: requests.Response) -> Any:
    """The body of an answer.

    Raises:
        Refused: If it is a problem.
        CommandFailed: If it is no answer of this API.
    """
    status = answer.status_code
    if 300 <= status < 400:
        place = answer.headers.get("Location", "another address")
        raise CommandFailed(f"{answer.url} leads to {place}; give that address to drift login.")
    if status == 204:
        return None
    try:
        body = answer.json()
    except ValueError:
        body = None
    if status >= 400:
        raise Refused(status, sentence_of(body, status))
    if body is None:
        raise CommandFailed(f"{answer.url} does not answer as this API does.")
    return body


def sentence_of(problem: Any, status: int) -> str:
    """A problem document as one sentence."""
    detail = problem.get("detail") if isinstance(problem, dict) else None
    return str(detail) if detail else f"The service answers with the status {status}."


def _reason(error: Exception) -> str:
    """The innermost reason, without the classes around it."""
    while error.args and isinstance(error.args[0], Exception):
        error = error.args[0]
    reason = getattr(error, "reason", None)
    text = str(reason if reason is not None else error)
    _, _, last = text.rpartition(">: ")
    return json.dumps((last or text)[:LONGEST_WORD], ensure_ascii=False).strip('"')

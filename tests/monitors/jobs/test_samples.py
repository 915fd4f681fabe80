"""A sample says what data holds, in the dialect that it is written in."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from drift_detector.tenancy.models import Tenant
from monitors.jobs import services as jobs
from monitors.jobs.sampled_values import forget_values
from monitors.jobs.samples import sample_data
from monitors.models import Job
from monitors.sources import SourcePolicy

HOURS = [f"{datetime(2024, 1, 1) + timedelta(hours=hour):%Y-%m-%dT%H:%M:%S}" for hour in range(48)]


@pytest.fixture
def policy(tmp_path: Path) -> SourcePolicy:
    return SourcePolicy(allowed_roots=(str(tmp_path),))


def sample(tmp_path: Path, policy: SourcePolicy, text: str, encoding: str = "utf-8") -> Any:
    path = tmp_path / "data.csv"
    path.write_text(text, encoding=encoding)
    return sample_data(str(path), policy, "UTC")


def rows(separator: str, decimal: str = ".") -> str:
    lines = [
        separator.join((str(row), at, f"{row}{decimal}5", "blue" if row % 2 else "rød", ""))
        for row, at in enumerate(HOURS)
    ]
    return "\n".join([separator.join(("id", "at", "price", "colour", "none")), *lines])


def column(found: Any, name: str) -> Any:
    return next(each for each in found["columns"] if each["name"] == name)


def test_sample__csv__has_types_values_nulls_and_the_span(
    tmp_path: Path, policy: SourcePolicy
) -> None:
    found = sample(tmp_path, policy, rows(","))
    kinds = {each["name"]: (each["kind"], each["null_rate"]) for each in found["columns"]}
    assert kinds["price"] == ("numeric", 0)
    assert kinds["colour"] == ("categorical", 0)
    assert column(found, "colour")["values"] == ["rød", "blue"]
    assert (column(found, "id")["is_unique"], column(found, "colour")["is_unique"]) == (True, False)
    span = found["spans"]["at"]
    assert (span["first"][:13], span["last"][:13], span["rows"]) == (
        "2024-01-01T00",
        "2024-01-02T23",
        48,
    )


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_sample__other_delimiter__is_found(
    tmp_path: Path, policy: SourcePolicy, separator: str
) -> None:
    found = sample(tmp_path, policy, rows(separator))
    assert found["csv_dialect"] == {"delimiter": separator}
    assert column(found, "price")["kind"] == "numeric"


def test_sample__decimal_commas__are_numbers(tmp_path: Path, policy: SourcePolicy) -> None:
    found = sample(tmp_path, policy, rows(";", ","))
    assert found["csv_dialect"] == {"delimiter": ";", "decimal": ","}
    assert column(found, "price")["kind"] == "numeric"


def test_sample__no_utf_8__is_read_as_a_spreadsheet_writes_it(
    tmp_path: Path, policy: SourcePolicy
) -> None:
    found = sample(tmp_path, policy, rows(";"), "cp1252")
    assert found["csv_dialect"] == {"delimiter": ";", "encoding": "cp1252"}
    assert column(found, "colour")["values"][0] == "rød"


def test_sample__nothing_there__says_so_at_the_place(policy: SourcePolicy, tmp_path: Path) -> None:
    with pytest.raises(ValidationError) as caught:
        sample_data(f"{tmp_path}/missing.csv", policy, "UTC")
    assert list(caught.value.message_dict) == ["place"]


def test_forget_values__sensitive_column__has_none_left_in_the_place(in_tenant: Tenant) -> None:
    columns = [{"name": name, "values": ["1"]} for name in ("age", "delay")]
    mine, other = (
        Job.objects.create(
            tenant=in_tenant, kind="sample", fields={"place": place}, requested_by="user:ana",
            status="succeeded", answer_status=200, answer=json.dumps({"columns": columns}),
            finished_at=timezone.now(),
        )
        for place in ("/x", "/y")
    )  # fmt: skip
    forget_values(places={"/x"}, columns={"age"})
    for job, left in ((mine, [[], ["1"]]), (other, [["1"], ["1"]])):
        job.refresh_from_db()
        assert [each["values"] for each in json.loads(job.answer)["columns"]] == left


def test_request_job__same_id_again__is_the_same_job(in_tenant: Tenant) -> None:
    known = jobs.request_job(kind=Job.Kind.BROWSE, fields={"place": ""}, requested_by="user:ana")
    again = jobs.request_job(
        kind=Job.Kind.BROWSE, fields={"place": "/x"}, requested_by="user:ana", job_id=known.id
    )
    assert (again.id, Job.objects.count()) == (known.id, 1)

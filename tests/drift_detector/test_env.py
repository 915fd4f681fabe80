"""Settings as a process meets them: each case is a process of its own with a clean environment."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from algorithms.concept_drift.detector_registry import DETECTORS, ConceptMethod
from drift_detector import env
from drift_detector.setting_groups.group import Group

ROOT = Path(__file__).parents[2]
LEAST = {
    "AUMOS_DRIFT_SECRET_KEY": "x" * 32,
    "AUMOS_DRIFT_DATABASE__URL": "postgresql://app:secret@127.0.0.1:5432/drift",
    "AUMOS_DRIFT_REDIS__URL": "redis://127.0.0.1:6379/0",
    "AUMOS_DRIFT_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9092",
}
FROM_THE_ISSUE = {
    "DRIFT_THRESHOLD_KS": 0.05,
    "DRIFT_THRESHOLD_PSI": 0.2,
    "DRIFT_THRESHOLD_CHI2": 0.05,
    "DRIFT_WARNING_THRESHOLD_PSI": 0.1,
    "ADWIN_MAX_BUCKETS": 5,
    "DDM_WARNING_LEVEL": 2.0,
    "RETRAINING_TRIGGER_ENABLED": True,
    "RETRAINING_COOLDOWN_SECONDS": 3600,
}


def start(**variables: str | None) -> subprocess.CompletedProcess[str]:
    """Load the settings in a new process and print them as JSON."""
    full = {name: value for name, value in (LEAST | variables).items() if value is not None}
    code = "from drift_detector import env; print(env.load().model_dump_json())"
    return subprocess.run(
        [sys.executable, "-c", code],
        env=full,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def refusal(**variables: str | None) -> list[str]:
    """The sentences that the process stopped with; a traceback is not one."""
    process = start(**variables)
    assert (process.returncode, process.stdout) == (1, "")
    *sentences, last = process.stderr.strip().split("\n")
    assert last == "The settings are explained in .env.example."
    return sentences


def test_load__what_is_required__gives_the_defaults_of_the_issue() -> None:
    loaded = json.loads(start().stdout)
    assert {name: loaded[name.lower()] for name in FROM_THE_ISSUE} == FROM_THE_ISSUE


def test_load__detectors__are_calibrated_unless_told_otherwise() -> None:
    loaded = json.loads(start().stdout)
    assert loaded["adwin_delta"] == DETECTORS[ConceptMethod.ADWIN].calibrated["delta"]
    assert loaded["ddm_drift_level"] == DETECTORS[ConceptMethod.DDM].calibrated["drift_threshold"]
    assert loaded["ddm_min_num_instances"] == DETECTORS[ConceptMethod.DDM].calibrated["warm_start"]


@pytest.mark.parametrize("name", LEAST)
def test_load__required_one_missing__is_named(name: str) -> None:
    assert refusal(**{name: None}) == [f"{name} is missing."]


def test_load__all_missing__are_all_named() -> None:
    assert set(refusal(**dict.fromkeys(LEAST))) == {f"{name} is missing." for name in LEAST}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AUMOS_DRIFT_SECRET_KEY", "short"),
        ("AUMOS_DRIFT_DATABASE__URL", "mysql://127.0.0.1/drift"),
        ("AUMOS_DRIFT_DATABASE__POOL_SIZE", "-1"),
        ("AUMOS_DRIFT_REDIS__URL", "127.0.0.1"),
        ("AUMOS_DRIFT_KAFKA__BOOTSTRAP_SERVERS", ""),
        ("AUMOS_DRIFT_LOG__LEVEL", "LOUD"),
        ("AUMOS_DRIFT_DEBUG", "maybe"),
        ("AUMOS_DRIFT_MIN_ROWS", "0"),
        ("AUMOS_DRIFT_DRIFT_THRESHOLD_KS", "1.5"),
        ("AUMOS_DRIFT_DRIFT_THRESHOLD_KS", "nan"),
        ("AUMOS_DRIFT_DRIFT_THRESHOLD_PSI", "inf"),
        ("AUMOS_DRIFT_RUNS__MAX_ATTEMPTS", "many"),
        ("AUMOS_DRIFT_DATA__ALLOWED_ROOTS", '["relative/folder"]'),
        ("AUMOS_DRIFT_DATA__ALLOWED_OBJECT_STORES", '["ftp://bucket"]'),
        ("AUMOS_DRIFT_DATA__S3_ENDPOINT", "localhost:9000"),
        ("AUMOS_DRIFT_METRICS__PORT", "65536"),
        ("AUMOS_DRIFT_TRACING__ENDPOINT", "collector:4318"),
    ],
)
def test_load__wrong_value__is_named_with_the_reason(name: str, value: str) -> None:
    [sentence] = refusal(**{name: value})
    assert sentence.startswith(f"{name} is wrong: ")
    assert len(sentence) > len(f"{name} is wrong: .")


@pytest.mark.parametrize(
    "name",
    ["AUMOS_DRIFT_ALLOWED_HOSTS", "AUMOS_DRIFT_DATA__ALLOWED_ROOTS", "AUMOS_DRIFT_KAFKA__CONFIG"],
)
@pytest.mark.parametrize("value", ["localhost", "a,b", "['a']", "{", "7"])
def test_load__list_or_map_written_wrongly__is_named(name: str, value: str) -> None:
    [sentence] = refusal(**{name: value})
    assert name in sentence
    assert " is wrong: " in sentence


@pytest.mark.parametrize(
    "name",
    [
        "AUMOS_DRIFT_DEBUGG",
        "AUMOS_DRIFT_DATABASE__URI",
        "AUMOS_DRIFT_RUNS__LEASE",
        "AUMOS_DRIFT_DATABASE_URL",
        "AUMOS_DRIFT_X__Y",
    ],
)
def test_load__unknown_name__is_named(name: str) -> None:
    assert refusal(**{name: "1"}) == [f"{name} is not a setting of this service."]


def test_load__several_problems__are_told_at_once() -> None:
    sentences = refusal(
        AUMOS_DRIFT_DEBUGG="1", AUMOS_DRIFT_MIN_ROWS="x", AUMOS_DRIFT_SECRET_KEY=None
    )
    assert [sentence.split()[0].removeprefix("AUMOS_DRIFT_") for sentence in sorted(sentences)] == [
        "DEBUGG", "MIN_ROWS", "SECRET_KEY"
    ]  # fmt: skip


def test_load__a_wrong_secret__is_not_printed() -> None:
    secrets = {
        "AUMOS_DRIFT_SECRET_KEY": "hunter2",
        "AUMOS_DRIFT_DATABASE__URL": "mysql://app:hunter2@127.0.0.1/drift",
    }
    assert "hunter2" not in "".join(refusal(**secrets))


@pytest.mark.parametrize("name", ["SECRET_KEY", "ENCRYPTION__KEY"])
@pytest.mark.parametrize("secret", ["change-me-" * 4, "development-only-0123456789abcdef"])
def test_load__secret_of_an_example__opens_this_machine_alone(name: str, secret: str) -> None:
    example = {f"AUMOS_DRIFT_{name}": secret}
    at_home = {"AUMOS_DRIFT_ALLOWED_HOSTS": '["127.0.0.1", "localhost"]'}
    assert start(**example, **at_home).returncode == 0
    reached = {"AUMOS_DRIFT_ALLOWED_HOSTS": '["127.0.0.1", "drift.example.com"]'}
    (said,) = refusal(**example, **reached)
    assert "must be secrets of your own" in said
    assert secret not in said


@pytest.mark.parametrize("password", ["web", "drift_web", "postgres", "change-me-now"])
def test_load__password_of_an_example__reaches_no_other_machine(password: str) -> None:
    address = f"postgresql://drift_web:{password}@{{}}:5432/drift"
    here = {"AUMOS_DRIFT_DATABASE__URL": address.format("127.0.0.1")}
    assert start(**here).returncode == 0
    (said,) = refusal(AUMOS_DRIFT_DATABASE__URL=address.format("postgres"))
    assert "the password is the one of an example" in said


CONNECTION = {"name": "lake", "store": "s3://lake/{tenant}"}
S3_SECRETS = {"access_key": "env:LAKE_{tenant}", "secret_key": "vault:team/{tenant}#key"}


def test_load__connection__is_taken() -> None:
    connections = json.dumps([{**CONNECTION, "secrets": S3_SECRETS}])
    assert start(AUMOS_DRIFT_DATA__CONNECTIONS=connections).returncode == 0


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"secrets": {**S3_SECRETS, "secret_key": "canary-7f3a9"}}, "pattern"),
        ({"secrets": {**S3_SECRETS, "secret_key": "env:AUMOS_DRIFT_SECRET_KEY"}}, "must not name"),
        ({"secrets": {"access_key": "env:A"}}, "access_key and secret_key"),
        ({"secrets": {**S3_SECRETS, "more": "env:A"}}, "no others"),
        ({"store": "gs://lake"}, "pattern"),
        ({"store": "abfs://lake", "secrets": {"account_key": "env:A"}}, "an account"),
        ({"endpoint": "http://me:canary-7f3a9@host"}, "pattern"),
    ],
)
def test_load__connection_written_wrongly__is_named_without_its_secret(
    changed: dict[str, object], words: str
) -> None:
    connections = json.dumps([{**CONNECTION, "secrets": S3_SECRETS, **changed}])
    said = "\n".join(refusal(AUMOS_DRIFT_DATA__CONNECTIONS=connections))
    assert "AUMOS_DRIFT_DATA__CONNECTIONS" in said
    assert words in said
    assert "canary" not in said


OFFER = {
    "name": "lake",
    "secrets": {"access_key": "env:A", "secret_key": "env:B"},
    "tenants": ["acme"],
}
OF_EACH = {"access_key": "vault:{tenant}/lake#id", "secret_key": "vault:{tenant}/lake#key"}
ACCOUNT = {"account_key": "env:A"}


@pytest.mark.parametrize(
    "changed", [{}, {"tenants": [], "secrets": OF_EACH}, {"secrets": ACCOUNT, "accounts": ["acme"]}]
)
def test_load__credentials_for_tenants__are_taken(changed: dict[str, object]) -> None:
    offers = json.dumps([OFFER | changed])
    assert start(AUMOS_DRIFT_DATA__STORE_CREDENTIALS=offers).returncode == 0


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"tenants": []}, "needs its tenants"),
        ({"secrets": {**S3_SECRETS, "secret_key": "env:KEY_{tenant}"}}, "{tenant}/path#key only"),
        ({"secrets": {**S3_SECRETS, "secret_key": "file:/run/{tenant}/key"}}, "{tenant}/path#key"),
        ({"secrets": {**S3_SECRETS, "secret_key": "vault:a/{tenant}#key"}}, "{tenant}/path#key"),
        ({"secrets": {**S3_SECRETS, "secret_key": "env:AUMOS_DRIFT_SECRET_KEY"}}, "must not name"),
        ({"secrets": {**S3_SECRETS, "account_key": "env:A"}}, "no others"),
        ({"secrets": ACCOUNT}, "needs accounts"),
        ({"accounts": ["acme"]}, "needs accounts"),
        ({"endpoints": ["http://me:canary-7f3a9@host"]}, "pattern"),
        ({"tenants": ["*"]}, "pattern"),
    ],
)
def test_load__credentials_that_mix_tenants__are_named_with_the_reason(
    changed: dict[str, object], words: str
) -> None:
    offers = json.dumps([OFFER | changed])
    said = "\n".join(refusal(AUMOS_DRIFT_DATA__STORE_CREDENTIALS=offers))
    assert "AUMOS_DRIFT_DATA__STORE_CREDENTIALS" in said
    assert words in said
    assert "canary" not in said


def test_load__credentials_of_one_name_twice__are_refused() -> None:
    offers = json.dumps([OFFER, OFFER | {"tenants": ["rival"]}])
    said = "\n".join(refusal(AUMOS_DRIFT_DATA__STORE_CREDENTIALS=offers))
    assert "must have each name once" in said


def test_load__names_of_the_demo__are_not_ours_to_judge() -> None:
    assert start(AUMOS_DRIFT_DEMO_URL="http://127.0.0.1:8000").returncode == 0


def test_manage__setting_missing__stops_with_the_sentence_and_no_traceback() -> None:
    command = [sys.executable, "manage.py", "check"]
    process = subprocess.run(command, env={}, cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.returncode == 1
    assert "AUMOS_DRIFT_SECRET_KEY is missing." in process.stderr
    assert "Traceback" not in process.stderr


def settings_of(model: type[BaseModel], *path: str) -> dict[str, FieldInfo]:
    """Each setting by the name of its variable."""
    found: dict[str, FieldInfo] = {}
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Group):
            found |= settings_of(field.annotation, *path, name)
        else:
            found["AUMOS_DRIFT_" + "__".join((*path, name)).upper()] = field
    return found


EXAMPLE = re.findall(
    r"^# (.+)\n(#?)(AUMOS_DRIFT_\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE
)


def test_example__every_setting__appears_once_and_nothing_else() -> None:
    names = [name for _, _, name, _ in EXAMPLE]
    assert sorted(names) == sorted(settings_of(env.Environment))
    assert (ROOT / ".env.example").read_text().count("AUMOS_DRIFT_") == len(names)


def test_example__each_setting__is_set_if_required_and_explained() -> None:
    settings = settings_of(env.Environment)
    for explanation, commented, name, _ in EXAMPLE:
        assert bool(commented) != settings[name].is_required(), name
        assert explanation.lower() == (settings[name].description or "").lower(), name


def test_example__with_all_optional_ones_taken_in__is_the_default() -> None:
    required = {name: value for _, commented, name, value in EXAMPLE if not commented}
    everything = {name: value for _, _, name, value in EXAMPLE if value}
    assert start(**everything).stdout == start(**required).stdout != ""

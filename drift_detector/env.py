"""Every setting of the service, read from environment variables with the prefix `AUMOS_DRIFT_`."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NoReturn, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from drift_detector.setting_groups.alerting_settings import (
    Alerts,
    BudgetDefaults,
    Encryption,
    HeartbeatAddress,
    Notifier,
    Smtp,
)
from drift_detector.setting_groups.data_settings import Data
from drift_detector.setting_groups.door_settings import (
    Audit,
    Keys,
    Oidc,
    Quotas,
    SignIn,
    Throttle,
    Web,
)
from drift_detector.setting_groups.group import (
    LOOPBACK,
    PREFIX,
    Group,
    Positive,
    PositiveFloat,
    PublicUrl,
    Share,
    is_example,
)
from drift_detector.setting_groups.server_settings import Database, Kafka, Redis
from drift_detector.setting_groups.watching_settings import Log, Metrics, Tracing
from drift_detector.setting_groups.work_settings import Events, Jobs, Outcomes, Reports, Runs

# Written for people by `make run`; the service itself doesn't read them.
DEMO_PREFIX = f"{PREFIX}DEMO_"


# What pydantic says, and what people read; every other message follows "is wrong".
SENTENCES = {
    "Field required": "{name} is missing.",
    "Extra inputs are not permitted": "{name} is not a setting of this service.",
}


OWN = "Value error, "
"""Begins what our own validators say."""


class Environment(BaseSettings):
    """The typed environment; `load` is the way to get it."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    secret_key: SecretStr = Field(
        description="Django's signing key: any long random text", min_length=32
    )
    debug: bool = Field(default=False, description="Django's debug pages; never in production")
    allowed_hosts: list[str] = Field(
        default=[], description="JSON list of the host names the service answers to"
    )
    csrf_trusted_origins: list[str] = Field(
        default=[], description="JSON list of origins, when behind a TLS proxy"
    )
    public_url: PublicUrl = Field(
        default="",
        description="where people open the service, https://drift.example.com; events link there",
    )
    static_root: Path = Field(
        default=Path(".state/static"), description="where collectstatic puts the admin's files"
    )

    database: Database
    redis: Redis
    kafka: Kafka
    data: Data = Data()
    web: Web = Web()
    log: Log = Log()
    metrics: Metrics = Metrics()
    tracing: Tracing = Tracing()
    runs: Runs = Runs()
    jobs: Jobs = Jobs()
    alerts: Alerts = Alerts()
    budget: BudgetDefaults = BudgetDefaults()
    reports: Reports = Reports()
    outcomes: Outcomes = Outcomes()
    events: Events = Events()
    audit: Audit = Audit()
    notifier: Notifier = Notifier()
    smtp: Smtp = Smtp()
    encryption: Encryption = Encryption()
    heartbeat: HeartbeatAddress = HeartbeatAddress()
    oidc: Oidc = Oidc()
    sign_in: SignIn = SignIn()
    throttle: Throttle = Throttle()
    quotas: Quotas = Quotas()
    keys: Keys = Keys()

    @model_validator(mode="after")
    def _has_secrets_of_its_own(self) -> Self:
        keys = [self.secret_key, self.encryption.key, *self.encryption.old_keys]
        is_local = LOOPBACK.issuperset(self.allowed_hosts)
        if not is_local and any(is_example(key.get_secret_value()) for key in keys):
            raise ValueError(
                "SECRET_KEY and ENCRYPTION__KEY must be secrets of your own where others can reach the service"
            )
        return self

    drift_threshold_ks: Share = Field(default=0.05, description="KS: significance level")
    drift_threshold_psi: PositiveFloat = Field(default=0.2, description="PSI: drift at and above")
    drift_threshold_chi2: Share = Field(default=0.05, description="chi-squared: significance level")
    drift_warning_threshold_psi: PositiveFloat = Field(
        default=0.1, description="PSI: warning at and above"
    )
    effect_tolerance_ks: Share = Field(
        default=0.035, description="KS: the smallest distance D that matters"
    )
    effect_tolerance_chi2: Share = Field(
        default=0.1, description="chi-squared: the smallest Le Cam distance that matters"
    )
    min_rows: Positive = Field(
        default=50, description="rows below which a feature's verdict is insufficient_data"
    )

    adwin_delta: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.05,
        description="ADWIN: confidence; 0.05 is calibrated for errors of 0 and 1, river has 0.002",
    )
    adwin_max_buckets: Positive = Field(default=5, description="ADWIN: buckets of one size kept")
    ddm_warning_level: PositiveFloat = Field(
        default=2.0, description="DDM: standard deviations to a warning"
    )
    ddm_drift_level: PositiveFloat = Field(
        default=3.25,
        description="DDM: standard deviations to drift; 3.25 is calibrated, river has 3",
    )
    ddm_min_num_instances: Positive = Field(
        default=1000,
        description="DDM: observations before it judges; 1000 is calibrated, river has 30",
    )
    effect_tolerance_concept: PositiveFloat = Field(
        default=0.05,
        description="detectors: the smallest change of the error rate that matters, as Cohen's h",
    )

    retraining_trigger_enabled: bool = Field(
        default=True, description="publish drift.retraining_required"
    )
    retraining_cooldown_seconds: Annotated[int, Field(ge=0)] = Field(
        default=3600, description="rest between two requests for a model"
    )

    @model_validator(mode="after")
    def _someone_can_sign_in(self) -> Self:
        if not self.sign_in.passwords and not self.oidc.signs_in:
            raise ValueError(
                f"{variable_name('sign_in', 'passwords')}=false needs {variable_name('oidc', 'client_id')}"
            )
        return self


def load() -> Environment:
    """Read the environment, or stop the process with one sentence per wrong, missing or unknown variable."""
    problems = [f"{name} is not a setting of this service." for name in _unknown_names(os.environ)]
    try:
        environment = Environment()
    except SettingsError as error:
        problems.append(_json_sentence(str(error)))
    except ValidationError as error:
        problems += [
            _sentence(tuple(map(str, item["loc"])), item["msg"]) for item in error.errors()
        ]
    if problems:
        _stop(problems)
    return environment


def variable_name(*path: str) -> str:
    """The environment variable of a setting: `database`, `url` -> `AUMOS_DRIFT_DATABASE__URL`."""
    return PREFIX + "__".join(part.upper() for part in path)


def _unknown_names(variables: Mapping[str, str]) -> list[str]:
    names = [
        name for name in variables if name.startswith(PREFIX) and not name.startswith(DEMO_PREFIX)
    ]
    known = Environment.model_fields
    return sorted(
        name for name in names if name.removeprefix(PREFIX).split("__")[0].lower() not in known
    )


def _json_sentence(message: str) -> str:
    field = message.split('"')[
        1
    ]  # pydantic-settings names the group only: 'error parsing value for field "data" …'
    names = sorted(name for name in os.environ if name.startswith(variable_name(field)))
    return f"{' or '.join(names)} is wrong: lists and maps are written as JSON."


def _sentence(path: tuple[str, ...], message: str) -> str:
    """The sentence about a setting; a whole group has one for each setting that it requires."""
    if not path:
        return f"{message.removeprefix(OWN)}."
    group = _group_of(path[0]) if len(path) == 1 else None
    if group is None or message.startswith(OWN):
        return _explanation(path, message)
    return " ".join(_explanation((path[0], name), message) for name in _required_settings(group))


def _group_of(name: str) -> type[Group] | None:
    field = Environment.model_fields.get(name)
    kind = field.annotation if field else None
    return kind if isinstance(kind, type) and issubclass(kind, Group) else None


def _required_settings(group: type[Group]) -> list[str]:
    return [name for name, field in group.model_fields.items() if field.is_required()]


def _explanation(path: tuple[str, ...], message: str) -> str:
    parts = [part for part in path if not part.isdecimal()]  # without the place in a list
    sentence = SENTENCES.get(message, "{name} is wrong: {reason}.")
    return sentence.format(name=variable_name(*parts), reason=message.removeprefix(OWN))


def _stop(problems: list[str]) -> NoReturn:
    sys.exit("\n".join([*problems, "The settings are explained in .env.example."]))

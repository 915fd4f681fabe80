"""The base of all groups of settings, and the forms of their values."""

import re
from importlib.util import find_spec
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

PREFIX = "AUMOS_DRIFT_"


def _refuse_own_variable(reference: str) -> str:
    if reference.upper().startswith(f"ENV:{PREFIX}"):
        raise ValueError(f"must not name a variable {PREFIX}… of the service")
    return reference


Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0)]
Limit = Annotated[int, Field(ge=0, le=2**62)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
# As `monitors.sources.SourcePolicy` wants them.
AbsoluteFolder = Annotated[str, Field(pattern=r"^/")]
StorePrefix = Annotated[str, Field(pattern=r"^(s3|gs|abfs)://[^/]+(/.*)?$")]
SecretReference = Annotated[
    str,
    Field(pattern=r"^(env:[A-Za-z_][A-Za-z0-9_{}-]*|file:/[^#]+|vault:[^/#][^#]*#[^#]+)$"),
    AfterValidator(_refuse_own_variable),
]
Port = Annotated[int, Field(gt=0, lt=65536)]
Endpoint = Annotated[str, Field(pattern=r"^https?://[^/@]+/?$")]
PublicUrl = Annotated[str, Field(pattern=r"^(https?://[^/@\s]+(/\S*)?)?$")]
Issuer = Annotated[
    str,
    Field(
        max_length=200,
        pattern=r"^(https://[^/@\s?#]+(/[^\s?#]*)?|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/[^\s?#]*)?)?$",
    ),
]
Topic = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{0,249}$")]
CollectorUrl = Annotated[str, Field(pattern=r"^https?://[^/@]+/\S+$")]

# Where a setting has {tenant}, the slug of a tenant stands; a slug holds no dot.
TENANT = "{tenant}"
SLUG = "[-a-zA-Z0-9_]+"
LONGEST_TOPIC = 249  # Kafka's limit
LONGEST_SLUG = 50
OUTCOME_TOPIC = re.compile(
    r"[a-zA-Z0-9._-]+|(?:[a-zA-Z0-9._-]+\.\{tenant\}(?:\.[a-zA-Z0-9._-]+)?|\{tenant\}\.[a-zA-Z0-9._-]+)"
)
HostName = Annotated[str, Field(pattern=r"^[^/@\s]+$")]
SHORTEST_KEY = 32


class Group(BaseModel):
    """Settings whose names begin alike."""

    model_config = ConfigDict(extra="forbid", frozen=True)


LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})
# The words of examples: they protect nothing, so they open nothing but this machine.
EXAMPLES = ("change-me", "development-only")


def is_example(secret: str) -> bool:
    return any(word in secret for word in EXAMPLES)


def is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even the packages around it
        return False

"""Requests, sign-in, keys, limits and the audit trail."""

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from drift_detector.setting_groups.group import Group, Issuer, Limit, Positive, PositiveFloat


class Web(Group):
    threads: Annotated[int, Field(ge=2)] = Field(
        default=16, description="requests that one web process works on at once"
    )
    max_connections: Positive = Field(
        default=1000, description="connections of one web process; beyond, the idlest are closed"
    )
    max_held_bytes: Positive = Field(
        default=128 * 2**20,
        description="bodies and answers in the memory of one web process; beyond, the slowest are dropped",
    )
    head_seconds: PositiveFloat = Field(
        default=10, description="how long a client may take to send a request's headers"
    )
    body_seconds: PositiveFloat = Field(
        default=60, description="how long a client may take to send a body"
    )
    idle_seconds: PositiveFloat = Field(
        default=75, description="how long a connection is kept for the next request"
    )
    send_seconds: PositiveFloat = Field(
        default=60, description="how long a client may take to read an answer"
    )
    queue_seconds: PositiveFloat = Field(
        default=30, description="how long a request may wait for a thread; then it is 503"
    )
    max_head_bytes: Positive = Field(
        default=32 * 2**10, description="the largest request line and headers, together"
    )
    max_form_bytes: Positive = Field(
        default=2**20, description="the largest body outside the API, such as a form of the admin"
    )
    max_waiting: Annotated[int, Field(ge=0)] = Field(
        default=16, description="requests that wait for a result at once, in all web processes"
    )
    max_waiting_per_tenant: Annotated[int, Field(ge=0)] = Field(
        default=4, description="those of one tenant; beyond, the answer is 202 at once"
    )


class Audit(Group):
    retention_days: Positive = Field(
        default=730,
        description="days that the audit trail is kept; `manage.py keep_audit` drops whole months",
    )


type AsymmetricAlgorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"
]


class Grant(Group):
    """The role that a group of the identity provider has in a tenant."""

    tenant: Annotated[str, Field(pattern=r"^[a-zA-Z0-9][-a-zA-Z0-9_]{0,49}$")]
    role: Literal["viewer", "operator", "admin"]


class Oidc(Group):
    issuer: Issuer = Field(
        default="",
        description="the issuer of an OpenID provider, as its tokens name it; https, or http of this machine",
    )
    audience: str = Field(
        default="",
        description="the audience of tokens for the API; empty: the API takes no tokens",
    )
    client_id: str = Field(
        default="",
        description="the client by which people sign in at the admin; empty: they sign in by password",
    )
    client_secret: SecretStr = Field(
        default=SecretStr(""), description="the secret of that client; empty: a public client"
    )
    name: str = Field(
        default="single sign-on",
        description="the provider's name on the page to sign in",
        min_length=1,
        max_length=40,
    )
    scopes: list[str] = Field(
        default=["openid", "profile"],
        description="JSON list of the scopes that a sign-in asks for; some providers send groups for one of their own",
    )
    algorithms: Annotated[list[AsymmetricAlgorithm], Field(min_length=1)] = Field(
        default=["RS256", "PS256", "ES256"],
        description="JSON list of the algorithms by which tokens may be signed; asymmetric ones only",
    )
    groups_claim: str = Field(
        default="groups",
        description="the claim that lists groups; a dot leads into an object: realm_access.roles",
        min_length=1,
    )
    groups: dict[str, list[Grant]] = Field(
        default={},
        description='JSON: a group, and its roles in tenants: {"ml": [{"tenant": "acme", "role": "operator"}]}',
    )
    leeway_seconds: Annotated[int, Field(ge=0, le=300)] = Field(
        default=30, description="how far the clocks of the provider and of the service may differ"
    )
    max_token_seconds: Positive = Field(
        default=86_400, description="the longest that a token for the API may still be valid"
    )
    keys_seconds: Positive = Field(
        default=600, description="how old the provider's keys may be; then they are fetched again"
    )
    keys_seconds_away: Annotated[int, Field(ge=0)] = Field(
        default=3600, description="how much longer they are used while the provider is away"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.issuer and not (self.audience or self.client_id):
            raise ValueError("ISSUER needs AUDIENCE for the API, CLIENT_ID for the admin, or both")
        if not self.issuer and (self.audience or self.client_id or self.groups):
            raise ValueError("the other settings need ISSUER")
        if self.audience and self.audience == self.client_id:
            raise ValueError(
                "AUDIENCE must differ from CLIENT_ID: a token of a sign-in is none for the API"
            )
        return self

    @property
    def takes_tokens(self) -> bool:
        """True if the API takes tokens of the provider."""
        return bool(self.issuer and self.audience)

    @property
    def signs_in(self) -> bool:
        """True if people may sign in at the admin by the provider."""
        return bool(self.issuer and self.client_id)


class SignIn(Group):
    passwords: bool = Field(
        default=True,
        description="people may sign in by password; false: only by the identity provider",
    )
    second_factor: Literal["admins", "everyone", "nobody"] = Field(
        default="admins",
        description="who must add a code of an app to the password: admins, everyone or nobody; only with an "
        "encryption key",
    )
    idle_seconds: Positive = Field(
        default=8 * 3600, description="how long a session lasts without a request"
    )
    session_seconds: Positive = Field(
        default=24 * 3600, description="how long a session lasts at most"
    )


class Throttle(Group):
    requests_per_key: Positive = Field(
        default=6000, description="requests of one API key, or of one person, in a minute"
    )
    requests_per_tenant: Positive = Field(
        default=12_000, description="requests of all keys and people of a tenant in a minute"
    )
    anonymous_requests_per_address: Positive = Field(
        default=300, description="requests without a key or a session from one address in a minute"
    )
    wrong_keys_per_address: Positive = Field(
        default=20,
        description="requests with a wrong key from one address in a minute; right keys go on",
    )
    passwords_per_account: Positive = Field(
        default=5, description="passwords tried for one account in a quarter of an hour"
    )
    passwords_per_address: Positive = Field(
        default=20, description="passwords tried from one address in a quarter of an hour"
    )
    max_hashes: Positive = Field(
        default=1,
        description="passwords that one process checks at once; twice as many wait, others get 503",
    )
    trusted_proxies: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="proxies before web whose X-Forwarded-For is believed; 0 takes the connection's address",
    )


class Keys(Group):
    days: Positive = Field(
        default=365, description="days until a new API key expires, if nothing else is asked for"
    )
    longest_days: Positive = Field(
        default=730,
        description="the most days that can be asked for; a key can be made without end",
    )
    overlap_days: Annotated[int, Field(ge=0)] = Field(
        default=7, description="days that a rotated key is still answered"
    )


class Quotas(Group):
    monitors: Limit = Field(default=10_000, description="monitors of a tenant")
    keys: Limit = Field(
        default=100, description="API keys of a tenant that are neither revoked nor expired"
    )
    runs_per_day: Limit = Field(default=1_000_000, description="runs of a tenant on one day (UTC)")
    outcome_rows_per_day: Limit = Field(
        default=1_000_000_000, description="outcomes that a tenant sends on one day (UTC)"
    )
    bytes_read_per_day: Limit = Field(
        default=2**40, description="bytes of a tenant's data that workers read on one day (UTC)"
    )
    storage_bytes: Limit = Field(
        default=100 * 2**30,
        description="bytes that a tenant's baselines, reports, outcomes and sent rows take",
    )

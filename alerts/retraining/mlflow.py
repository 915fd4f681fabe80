"""Takes MLflow's webhook `model_version_alias.created` as the report of a deployment.

MLflow signs `<delivery id>.<timestamp>.<body>` with HMAC-SHA256 and the webhook's secret, and sends the
base64 of it as `X-MLflow-Signature: v1,…` (mlflow.org, Webhooks, Security).
"""

import base64
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.utils import timezone

from alerts.models import Deployment, ModelMapping, RetrainingRequest
from alerts.models.retraining_states import State
from alerts.retraining.deployments import NewModel, NoModel, OtherDeployment, report_deployment
from drift_detector.encryption import NoKey, decrypt, encrypt_again

FRESH = timedelta(minutes=5)
"""The age of a delivery that is taken, as MLflow's documentation recommends."""
ENTITY, ACTION = "model_version_alias", "created"
VERSION_TAG = "v1,"


class WrongSignature(Exception):
    """No secret of the tenant has signed the delivery, or it is too old; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A request of MLflow's, as it came."""

    delivery_id: str
    timestamp: str
    signature: str
    body: bytes

    @property
    def is_fresh(self) -> bool:
        """True if it was signed lately."""
        age = timezone.now().timestamp() - int(self.timestamp)
        return abs(age) <= FRESH.total_seconds()

    def is_signed_with(self, secret: str) -> bool:
        """True if the secret made the signature."""
        content = f"{self.delivery_id}.{self.timestamp}.".encode() + self.body
        digest = hmac.new(secret.encode(), content, sha256).digest()
        expected = VERSION_TAG + base64.b64encode(digest).decode()
        return hmac.compare_digest(expected.encode(), self.signature.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasCreated:
    """An alias that now stands for a version of a registered model."""

    name: str
    alias: str
    version: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a delivery: `deployed`, `known` or `ignored`, and the reason."""

    status: str
    reason: str = ""
    deployment: Deployment | None = None


def mappings_signed_by(delivery: Delivery) -> Sequence[ModelMapping]:
    """The tenant's mappings whose secret has signed a delivery.

    Raises:
        WrongSignature: If there is none, or the delivery is too old.
    """
    signed = [each for each in ModelMapping.objects.all() if _has_signed(each, delivery)]
    if not signed:
        raise WrongSignature("The signature is not one of a mapping of this tenant.")
    if not delivery.is_fresh:
        minutes = int(FRESH.total_seconds() // 60)
        raise WrongSignature(f"X-MLflow-Timestamp is more than {minutes} minutes off.")
    return signed


def encrypt_mappings(mappings: Iterable[ModelMapping]) -> int:
    """Encrypt the secrets of mappings by the newest key; the number of mappings.

    Raises:
        NoKey: If a secret is of a key that the settings no longer have.
    """
    changed = 0
    for mapping in mappings:
        mapping.secret = encrypt_again(mapping.secret)
        mapping.save(update_fields=["secret"])
        changed += 1
    return changed


def _has_signed(mapping: ModelMapping, delivery: Delivery) -> bool:
    try:
        return delivery.is_signed_with(decrypt(mapping.secret))
    except NoKey:
        return False


def alias_created(payload: Mapping[str, Any]) -> AliasCreated | None:
    """The alias that a payload is about; None for another event.

    Raises:
        ValueError: If it lacks a field; the message names it.
    """
    if (payload.get("entity"), payload.get("action")) != (ENTITY, ACTION):
        return None
    data = payload.get("data")
    fields = data if isinstance(data, dict) else {}
    for name in ("name", "alias", "version"):
        if not isinstance(fields.get(name), str) or not fields[name] or "\0" in fields[name]:
            raise ValueError(name)
    return AliasCreated(**{name: fields[name] for name in ("name", "alias", "version")})


def take_alias(created: AliasCreated, mappings: Sequence[ModelMapping]) -> Outcome:
    """Report the deployment that an alias stands for, once per version."""
    mapping = next((each for each in mappings if _is_of(each, created)), None)
    if mapping is None:
        return Outcome("ignored", f"No mapping is for {created.name}@{created.alias}.")
    known = Deployment.objects.filter(
        model_id=mapping.model_id, model_version=created.version
    ).first()
    if known is not None:
        return Outcome("known", "The version was reported before.", known)
    try:
        new = _new_model(mapping, created.version)
        made, is_new = report_deployment(new, by=f"mlflow:{created.name}@{created.alias}"[:200])
    except NoModel:
        return Outcome("ignored", "No monitor watches the model any more.")
    except OtherDeployment as error:
        return Outcome("known", str(error))
    return Outcome("deployed" if is_new else "known", "", made)


def _is_of(mapping: ModelMapping, created: AliasCreated) -> bool:
    return (mapping.registered_model, mapping.alias) == (created.name, created.alias)


def _new_model(mapping: ModelMapping, version: str) -> NewModel:
    now = timezone.now()
    start, end = _training_range(mapping, now)
    return NewModel(
        model_id=mapping.model_id,
        trained_from=start,
        trained_to=end,
        deployed_at=now,
        model_version=version,
        note="The webhook names no training range; it was taken from the mapping.",
    )


def _training_range(mapping: ModelMapping, now: datetime) -> tuple[datetime, datetime]:
    """The range that the open request suggests, else the mapping's days until now."""
    asked = RetrainingRequest.objects.filter(model_id=mapping.model_id, status=State.REQUESTED)
    request = asked.first()
    if request is not None:
        return request.suggested_from, request.suggested_to
    return now - timedelta(days=mapping.training_days), now

"""Sets and removes false-alarm budgets."""

from uuid import UUID

import structlog

from drift_detector.tenancy.scope import current_tenant_id
from monitors.models import Budget

log = structlog.get_logger(__name__)


def put_budget(model_id: UUID | None, *, false_alerts_per_month: float, by: str) -> Budget:
    """Set the budget of a model, or of the tenant for None; runs that end from now on keep to it."""
    budget, _ = Budget.objects.update_or_create(
        tenant_id=current_tenant_id(),
        model_id=model_id,
        defaults={"false_alerts_per_month": false_alerts_per_month, "changed_by": by},
    )
    log.info("budget_set", model_id=model_id and str(model_id), promised=false_alerts_per_month)
    return budget


def remove_budget(model_id: UUID) -> None:
    """Remove the budget of a model; its monitors keep to the tenant's alone."""
    Budget.objects.filter(model_id=model_id).delete()

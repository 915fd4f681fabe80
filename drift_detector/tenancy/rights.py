"""The scopes of each role: the only table of rights."""

from drift_detector.tenancy.models import Role, Scope

SCOPES: dict[Role, frozenset[Scope]] = {
    Role.VIEWER: frozenset({Scope.MONITORS_READ}),
    Role.OPERATOR: frozenset(Scope) - {Scope.ADMIN},
    Role.ADMIN: frozenset(Scope),
}

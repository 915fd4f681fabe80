"""Makes the plan of a comparison from what its caller asks for."""

from collections.abc import Iterable, Mapping, Sequence

from ..methods import FEATURE_METHODS, METHODS, Limits, Method, MethodSpec, ThresholdKind
from ..plan import EvaluationPlan, Policy, default_methods
from .arguments import as_names, as_sizes, check_count

NAMED_METHODS = (*FEATURE_METHODS, Method.SCHEMA)
"""The methods of a comparison; the others need the history of a monitor."""
MIN_ROWS = 50


def plan_of(
    methods: Iterable[str] | None = None,
    *,
    tolerances: Mapping[str, float] | None = None,
    policy: str = Policy.EVIDENCE_AND_EFFECT,
    min_rows: int = MIN_ROWS,
    sensitive: Iterable[str] = (),
    specs: Mapping[Method, MethodSpec] = METHODS,
) -> EvaluationPlan:
    """The plan of a comparison, which names faults.

    Args:
        methods: The methods by name; the default ones when None.
        tolerances: The smallest change that matters, by method.
        policy: `evidence_and_effect` or `threshold`.
        min_rows: Usable rows that each window needs.
        sensitive: Features of which nothing shows a value.
        specs: The methods, with the defaults of those who run them.

    Raises:
        TypeError: If an argument is of another type.
        ValueError: If a method or the policy is unknown, or a number is out of its range.
    """
    chosen = default_methods() if methods is None else _known_methods(as_names(methods, "methods"))
    own = as_sizes(tolerances, "tolerances")
    if strangers := sorted(set(own) - set(chosen)):
        known = ", ".join(chosen)
        raise ValueError(
            f"tolerances must name methods of the comparison, {known}: {strangers[0]}."
        )
    check_count(min_rows, "min_rows")
    return EvaluationPlan(
        methods={each: _limits(each, specs[each], own.get(each)) for each in chosen},
        policy=_policy(policy),
        min_rows=min_rows,
        sensitive=frozenset(as_names(sensitive, "sensitive")),
        names_faults=True,
    )


def _known_methods(names: Sequence[str]) -> list[Method]:
    if unknown := [name for name in names if name not in NAMED_METHODS]:
        raise ValueError(f"{', '.join(unknown)} is none of {', '.join(NAMED_METHODS)}.")
    if not names:
        raise ValueError(f"methods must be one or more of {', '.join(NAMED_METHODS)}.")
    return [Method(name) for name in dict.fromkeys(names)]


def _policy(name: str) -> Policy:
    if name not in tuple(Policy):
        raise ValueError(f"policy must be one of {', '.join(Policy)}, not {name}.")
    return Policy(name)


def _limits(method: Method, spec: MethodSpec, tolerance: float | None) -> Limits:
    """The limits of a method; a size that its caller tolerates is fixed.

    Raises:
        ValueError: If the method has no size, or the tolerance is out of its range.
    """
    if tolerance is None:
        return spec.limits()
    if spec.threshold_kind is ThresholdKind.NONE:
        raise ValueError(f"{method} has no tolerance: it states facts.")
    highest = 1.0 if spec.is_significance else spec.highest_threshold
    if not 0 < tolerance <= highest:
        reason = f"must be a number above 0 and at most {highest:g}, not {tolerance:g}."
        raise ValueError(f"The tolerance of {method} {reason}")
    if spec.is_significance:
        return spec.limits(tolerance=tolerance)
    return spec.limits(threshold=tolerance)

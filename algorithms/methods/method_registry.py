"""The registry of statistical methods: a new method is its own module, a name and a line here."""

from collections.abc import Mapping
from enum import StrEnum

from . import (
    anderson_darling_method,
    chi_squared_method,
    hellinger_method,
    jensen_shannon_method,
    ks_method,
    new_categories_method,
    null_rate_method,
    psi_method,
    range_method,
    row_count_method,
    schema_method,
    wasserstein_method,
)
from .method_limits import Limits
from .method_spec import MethodSpec


class Method(StrEnum):
    """The name of a statistical method, as monitors and events write it. The order is that of all listings."""

    KS = "ks"
    PSI = "psi"
    CHI_SQUARED = "chi_squared"
    WASSERSTEIN = "wasserstein"
    JENSEN_SHANNON = "jensen_shannon"
    HELLINGER = "hellinger"
    ANDERSON_DARLING = "anderson_darling"
    NULL_RATE = "null_rate"
    RANGE = "range"
    NEW_CATEGORIES = "new_categories"
    ROW_COUNT = "row_count"
    SCHEMA = "schema"


METHODS: Mapping[Method, MethodSpec] = {
    Method.KS: ks_method.SPEC,
    Method.PSI: psi_method.SPEC,
    Method.CHI_SQUARED: chi_squared_method.SPEC,
    Method.WASSERSTEIN: wasserstein_method.SPEC,
    Method.JENSEN_SHANNON: jensen_shannon_method.SPEC,
    Method.HELLINGER: hellinger_method.SPEC,
    Method.ANDERSON_DARLING: anderson_darling_method.SPEC,
    Method.NULL_RATE: null_rate_method.SPEC,
    Method.RANGE: range_method.SPEC,
    Method.NEW_CATEGORIES: new_categories_method.SPEC,
    Method.ROW_COUNT: row_count_method.SPEC,
    Method.SCHEMA: schema_method.SPEC,
}
DEFAULT_METHODS = tuple(method for method, spec in METHODS.items() if spec.is_default)
FEATURE_METHODS = tuple(method for method, spec in METHODS.items() if spec.kinds)
"""The methods that compare features; the others look at the window as a whole."""
DEFAULT_LIMITS: Mapping[Method, Limits] = {
    method: spec.limits() for method, spec in METHODS.items()
}

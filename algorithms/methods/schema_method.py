"""The columns of a window and their types, against those of the reference.

It is no statistical test: a column is there or not. It has no p-value and stays outside Benjamini–Hochberg.
"""

from .method_spec import MethodSpec, ThresholdKind

SPEC = MethodSpec(
    title="Schema",
    threshold_kind=ThresholdKind.NONE,
    checks_schema=True,
    is_default=True,
)

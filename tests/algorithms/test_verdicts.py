from itertools import pairwise

import pytest

from algorithms.verdicts import Severity, Verdict, combine_verdicts, severity_of, worst_severity

OK, DRIFT, ERROR = Verdict.OK, Verdict.DRIFT, Verdict.ERROR
FEW, NONE = Verdict.INSUFFICIENT_DATA, Verdict.NO_DATA


@pytest.mark.parametrize(
    ("verdicts", "combined"),
    [
        ([OK, DRIFT, ERROR], DRIFT),
        ([OK, ERROR, FEW], ERROR),
        ([OK, FEW], FEW),
        ([FEW, NONE], FEW),
        ([OK, NONE], OK),
        ([NONE], NONE),
        ([], NONE),
    ],
)
def test_combine_verdicts__mixed__loudest_wins(verdicts: list[Verdict], combined: Verdict) -> None:
    assert combine_verdicts(verdicts) is combined


def test_severity_of__growing_effect__never_falls() -> None:
    order = list(Severity)
    ranks = [order.index(severity_of(step / 100)) for step in range(100, 400)]
    assert all(low <= high for low, high in pairwise(ranks))
    assert [severity_of(ratio) for ratio in (1, 1.5, 2.5)] == order


def test_worst_severity__some_missing__highest_or_none() -> None:
    assert (
        worst_severity([None, Severity.INFO, Severity.CRITICAL, Severity.WARNING])
        is Severity.CRITICAL
    )
    assert worst_severity([None]) is None

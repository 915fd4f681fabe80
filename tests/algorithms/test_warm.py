from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from pkgutil import walk_packages
from string import ascii_letters

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numba.core.dispatcher import Dispatcher

import algorithms
from algorithms.baseline import Baseline, FeatureKind
from algorithms.concept_drift.detector_registry import ConceptMethod, new_detector
from algorithms.evaluation import evaluate, evaluate_profile
from algorithms.library import compare
from algorithms.library.comparison_plans import NAMED_METHODS
from algorithms.methods import DEFAULT_LIMITS
from algorithms.performance import LossModel, Metric, estimate_regression
from algorithms.pictures import Drawing
from algorithms.plan import EvaluationPlan
from algorithms.profile_format import profile_from_bytes, profile_to_bytes
from algorithms.warm import warm

ROWS = 3000
PLAN = EvaluationPlan(methods=DEFAULT_LIMITS)


def signatures() -> dict[str, int]:
    """The number of signatures that each compiled kernel has in this process."""
    names = [each.name for each in walk_packages(algorithms.__path__, "algorithms.")]
    members = [each for name in names for each in vars(import_module(name)).values()]
    return {
        each.py_func.__name__: len(each.signatures)
        for each in members
        if isinstance(each, Dispatcher)
    }


def made(rows: int, shift: float) -> pa.Table:
    """Numbers that lie evenly and unevenly, with and without nulls, some beyond the reference's range."""
    rng = np.random.default_rng(rows)
    shapes = {
        "even": rng.random(rows),
        "heavy": np.exp(5 * rng.normal(size=rows)),
        "flat": np.ones(rows),
    }
    holes = {
        f"{name}_holes": pa.array(values + shift, mask=rng.random(rows) < 0.1)
        for name, values in shapes.items()
    }
    plain = {name: values + shift for name, values in shapes.items()}
    whole = {"whole": rng.poisson(3, rows), "single": rng.random(rows, np.float32)}
    return pa.table({**plain, **holes, **whole, "text": rng.choice(list(ascii_letters), rows)})


def gained(folder: Path) -> dict[str, int]:
    """The kernels that still compile something when windows come after `warm`."""
    warm()
    before = signatures()
    for rows, shift in ((ROWS, 0.0), (ROWS - 1, 0.4), (20_000, -0.4)):
        pq.write_table(made(rows, shift), folder / f"{rows}.parquet", row_group_size=1000)
    references = [made(ROWS, 0.0), pq.read_table(folder / f"{ROWS}.parquet")]
    kinds = {
        n: FeatureKind.CATEGORICAL if n == "text" else FeatureKind.NUMERIC
        for n in references[0].column_names
    }
    for method in ConceptMethod:
        new_detector(method).update_many(
            pa.array(np.random.default_rng(0).random(ROWS) < 0.3).cast(pa.float64())
        )
    numbers = np.random.default_rng(1).random((ROWS, 2))
    prediction, label = pa.array(numbers[:, 0]), pa.array(numbers[:, 1])
    losses = LossModel.fit(numbers, prediction, label)
    estimate_regression([Metric.MAE], features=numbers, prediction=prediction, model=losses)
    again = LossModel.from_arrays(losses.to_arrays())
    estimate_regression([Metric.MAE], features=numbers, prediction=prediction, model=again)
    for reference in references:
        fitted = Baseline.fit(reference, kinds)
        for baseline in (fitted, Baseline.from_bytes(fitted.to_bytes()), fitted.without_values()):
            for rows, shift in ((ROWS, 0.0), (ROWS - 1, 0.4), (20_000, -0.4)):
                for window in (made(rows, shift), pq.read_table(folder / f"{rows}.parquet")):
                    evaluate(baseline, window, PLAN, drawing=Drawing(frames=baseline.frames))
                    profile = profile_from_bytes(
                        profile_to_bytes(baseline.profile(window.to_batches()))
                    )
                    drawing = Drawing(frames=baseline.frames)
                    evaluate_profile(baseline, profile, PLAN, drawing=drawing)
    return {
        name: count - before[name] for name, count in signatures().items() if count != before[name]
    }


def coded(rows: int, scale: float) -> pa.Table:
    """A number whose unit may have changed, and a dictionary with codes of each type, with and without nulls."""
    rng = np.random.default_rng(rows)
    columns = {"x": rng.gamma(2.0, 6.0, rows) * scale}
    for dtype in (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint32()):
        for name, mask in ((f"{dtype}", None), (f"{dtype}_holes", rng.random(rows) < 0.1)):
            codes = pa.array(rng.integers(0, 3, rows), dtype, mask=mask)
            columns[name] = pa.DictionaryArray.from_arrays(codes, ["a", "b", "c"])
    return pa.table(columns)


def gained_by_checks() -> dict[str, int]:
    """The kernels that checks still compile after `warm`: of a changed unit, of slices, of few rows."""
    warm()
    before = signatures()
    slices = {"large": "x > 5", "both": "int8 = 'a' and x > 3"}
    reference, current = coded(ROWS, 1.0), coded(ROWS + 1000, 1000.0)
    found = compare(reference, current, slices=slices, methods=NAMED_METHODS)
    assert found.to_dict()["rows"][0]["fault"] is not None
    compare(reference, current, policy="threshold")
    compare(reference.slice(0, 60), current.slice(0, 70))
    return {name: count for name, count in signatures().items() if count != before.get(name)}


def test_warm__checks_afterwards__no_kernel_compiles_again() -> None:
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        assert fresh.submit(gained_by_checks).result() == {}


def test_warm__windows_from_numpy_and_parquet_afterwards__no_kernel_compiles_again(
    tmp_path: Path,
) -> None:
    with ProcessPoolExecutor(
        1, get_context("spawn")
    ) as fresh:  # other tests compile kernels in this one
        assert fresh.submit(gained, tmp_path).result() == {}


def test_signatures__kernels__are_all_found() -> None:
    assert {
        "count_column",
        "profile_column",
        "sum_moments",
        "add_beyond",
        "select",
    } <= signatures().keys()

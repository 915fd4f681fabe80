from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from algorithms import concept_drift
from algorithms.concept_drift.detector_registry import DETECTORS, ConceptMethod, new_detector
from algorithms.concept_drift.detector_spec import DetectorSpec
from tests.algorithms.concept_drift.streams import bernoulli

each_detector = pytest.mark.parametrize("method", ConceptMethod)


def test_registry__holds_every_spec_of_the_package() -> None:
    modules = [
        import_module(f"{concept_drift.__name__}.{found.name}")
        for found in iter_modules(concept_drift.__path__)
    ]
    values = [value for module in modules for value in vars(module).values()]
    described = {id(value) for value in values if isinstance(value, DetectorSpec)}
    assert described == {id(spec) for spec in DETECTORS.values()}
    assert list(DETECTORS) == list(ConceptMethod)


def test_registry__titles_and_classes_are_unique() -> None:
    specs = DETECTORS.values()
    assert len({spec.title for spec in specs}) == len(DETECTORS)
    assert len({spec.detector for spec in specs}) == len(DETECTORS)


@each_detector
def test_spec__calibrated_settings_are_settings(method: ConceptMethod) -> None:
    spec = DETECTORS[method]
    named = {*spec.calibrated, *(spec.calibrated_for_means or {}), *spec.limits}
    assert named <= set(spec.setting_defaults())


@each_detector
def test_new_detector__binary_errors_that_become_common_are_seen(method: ConceptMethod) -> None:
    stream = bernoulli(0.02, 0.6, each=5000)
    assert len(new_detector(method).update_many(stream[:5000]).drift) == 0
    assert len(new_detector(method).update_many(stream).drift) > 0


@each_detector
def test_documentation__says_when_to_take_it(method: ConceptMethod) -> None:
    page = Path(__file__).parents[2] / "calibration" / "detectors.md"
    rows = [line for line in page.read_text().splitlines() if line.startswith("| ")]
    assert any(f"`{method.value}`" in row for row in rows)

import pytest

from algorithms.charts.heat_map import HeatCell, HeatRow, heat_map
from tests.algorithms.charts.drawing import number, parse, texts, titles, with_class

WEEKS = ["2013-12-02", "2013-12-09"]


def one_row(*cells: HeatCell, label: str = "distance") -> str:
    return heat_map([HeatRow(label, cells, href="/f")], WEEKS, label="map")


@pytest.mark.parametrize(
    ("verdict", "ratio", "shade", "shape"),
    [
        ("ok", 0.05, "heat-ok-0", None),
        ("ok", 0.3, "heat-ok-2", None),
        ("ok", 5.0, "heat-ok-5", None),
        ("drift", 1.2, "heat-drift-5", "m-drift"),
        ("drift", 2.5, "heat-drift-6", "m-drift"),
        ("drift", None, "heat-drift-5", "m-drift"),
        ("error", None, "heat-none", "m-error"),
        ("insufficient_data", None, "heat-none", "m-few"),
        ("unsupported", None, "heat-none", "m-few"),
        ("no_data", None, "heat-none", "m-none"),
    ],
)
def test_cell__verdict__has_a_shade_and_a_shape(
    verdict: str, ratio: float | None, shade: str, shape: str | None
) -> None:
    root = parse(one_row(HeatCell(ratio, verdict, "t")))
    shapes = [each.get("class") for each in root.iter() if each.get("class", "").startswith("m-")]
    assert len(with_class(root, shade)) == 1
    assert shapes == ([shape] if shape else [])


def test_cell__without_verdict__leaves_its_place_empty() -> None:
    root = parse(one_row(HeatCell(None, None, "t"), HeatCell(0.1, "ok", "second", href="/s")))
    (square,) = with_class(root, "heat-ok-1")
    (first,) = with_class(parse(one_row(HeatCell(0.1, "ok", "first"))), "heat-ok-1")
    assert number(square, "x") - number(first, "x") == 22


def test_rows__long_hostile_name__is_cut_and_whole_in_the_tooltip() -> None:
    name = "<script>alert('feature')</script> of the model"
    root = parse(one_row(HeatCell(0.1, "ok", "t"), label=name))
    assert name in titles(root)
    assert any(words.endswith("…") and words[:-1] == name[:27] for words in texts(root))


def test_map__of_300_features_and_52_windows__keeps_its_cells_apart() -> None:
    cells = [HeatCell(0.2, "ok", "t") for _ in range(52)]
    root = parse(heat_map([HeatRow(f"f{n}", cells) for n in range(300)], WEEKS, label="map"))
    places = {(each.get("x"), each.get("y")) for each in with_class(root, "heat-ok-1")}
    assert len(places) == 300 * 52


def test_map__of_few_windows__keeps_its_size() -> None:
    few, many = (
        parse(heat_map([HeatRow("f", [HeatCell(0.2, "ok", "t")] * n)], ["12-02"] * n, label="map"))
        for n in (10, 60)
    )
    assert number(many, "width") - number(few, "width") == 50 * 22
    assert number(many, "height") == number(few, "height")


def test_map__without_rows__is_drawn() -> None:
    assert parse(heat_map([], [], label="map")).get("aria-label") == "map"

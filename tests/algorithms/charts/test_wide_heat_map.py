from xml.etree import ElementTree

from algorithms.charts.bullets import Bullet, bullets
from algorithms.charts.heat_map import HeatCell, HeatRow, wide_heat_map
from tests.algorithms.charts.drawing import number, parse, texts, titles, with_class

WEEKS = [f"01-{day:02}" for day in range(1, 29)]
OK, DRIFT = HeatCell(0.2, "ok", "calm", href="/calm"), HeatCell(1.2, "drift", "moved", href="/d")


def drawn(*rows: HeatRow) -> tuple[ElementTree.Element, ElementTree.Element]:
    found = wide_heat_map(rows, WEEKS, label="map")
    return parse(found.names), parse(found.cells)


def test_wide_map__names_and_cells__have_one_height_in_pixels() -> None:
    names, cells = drawn(*(HeatRow(f"feature {n}", [OK, DRIFT]) for n in range(7)))
    assert number(names, "height") == number(cells, "height")
    assert cells.attrib["viewBox"].endswith(f" {cells.attrib['height']}")


def test_wide_map__names__stand_beside_their_cells() -> None:
    names, cells = drawn(HeatRow("a", [OK]), HeatRow("b", [OK]), HeatRow("c", [OK]))
    squares = with_class(cells, "heat-ok-1")
    labels = with_class(names, "label")
    for square, label in zip(squares, labels, strict=True):
        top = number(square, "y")
        assert top < number(label, "y") < top + number(square, "height")


def test_wide_map__tab_key__stops_where_something_happened() -> None:
    _, cells = drawn(HeatRow("a", [OK, DRIFT]))
    stops = {each.get("href"): each.get("tabindex") for each in cells.iter("a")}
    assert stops == {"/calm": "-1", "/d": None}


def test_wide_map__hostile_name__is_text() -> None:
    names, _ = drawn(HeatRow("<img onerror>", [OK], href="/f"))
    assert "<img onerror>" in titles(names)
    assert [each.get("href") for each in names.iter("a")] == ["/f"]


def test_bullets__notes__stand_right_of_all_bars() -> None:
    rows = [Bullet("a", 0.1, {"limit": 0.2}, note="sees 0.1 σ"), Bullet("b", 0.2)]
    root = parse(bullets(rows, label="power"))
    [note] = with_class(root, "note")
    assert "sees 0.1 σ" in texts(root)
    ends = [number(bar, "x") + number(bar, "width") for bar in with_class(root, "bullet-usual")]
    assert max(ends) < number(note, "x") - 7 * len("sees 0.1 σ")

from datetime import UTC, datetime, timedelta

from algorithms.charts.lines import Level, Line, LineChart, Moment, Point, line_chart
from tests.algorithms.charts.drawing import number, parse, texts, titles, with_class

START = datetime(2013, 1, 7, tzinfo=UTC)


def points(*values: float | None, spread: float = 0.0) -> list[Point]:
    return [
        Point(
            START + timedelta(weeks=week),
            value,
            None if value is None or not spread else value - spread,
            None if value is None or not spread else value + spread,
        )
        for week, value in enumerate(values)
    ]


def drawn(line: Line, **more: object) -> str:
    return line_chart(LineChart(label="chart", lines=[line], **more))  # type: ignore[arg-type]


def test_line__with_a_gap__is_broken_there() -> None:
    root = parse(drawn(Line("a", points(1, 2, None, 3, 4))))
    (path,) = with_class(root, "line-main")
    assert path.attrib["d"].count("M") == 2


def test_line__value_between_gaps__is_a_dot() -> None:
    root = parse(drawn(Line("a", points(1, None, 2, None, 3))))
    (path,) = with_class(root, "line-main")
    assert path.attrib["d"].count("h.01") == 3


def test_band__intervals_with_a_gap__are_two_shapes() -> None:
    root = parse(drawn(Line("a", points(1, 2, None, 3, 4), "main")))
    assert with_class(root, "band-main") == []
    root = parse(drawn(Line("a", points(1, 2, None, 3, 4, spread=0.5), "main")))
    (band,) = with_class(root, "band-main")
    assert band.attrib["d"].count("Z") == 2


def test_levels_and_values__higher__lie_higher() -> None:
    root = parse(drawn(Line("a", points(0, 10)), levels=[Level(2, "low"), Level(8, "high")]))
    low, high = with_class(root, "level-limit")
    assert number(high, "y1") < number(low, "y1")
    assert {"low", "high"} <= set(texts(root))


def test_marks__drift__are_diamonds_with_links() -> None:
    point = Point(START, 1.0, mark="drift", title="drift of <b>x</b>", href="/run")
    root = parse(drawn(Line("a", [point])))
    assert len(with_class(root, "point-drift")) == 1
    assert [each.get("href") for each in root.iter("a")] == ["/run"]
    assert titles(root) == ["drift of <b>x</b>"]


def test_moments__beyond_the_points__are_inside_the_chart() -> None:
    late = Moment(START + timedelta(weeks=9), "change")
    root = parse(drawn(Line("a", points(1, 2)), moments=[late]))
    (bar,) = with_class(root, "moment-change")
    assert number(bar, "x1") <= 720 - 12


def test_chart__without_points__is_drawn() -> None:
    assert parse(drawn(Line("a", []))).get("aria-label") == "chart"


def test_chart__from_zero__has_no_negative_tick() -> None:
    root = parse(drawn(Line("a", points(0, 0, 0)), from_zero=True))
    assert not [words for words in texts(root) if words.startswith("−")]

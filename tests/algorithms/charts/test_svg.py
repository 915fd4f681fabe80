from django.template import Context, Template

from algorithms.charts.svg import chart, diamond, element, text, titled
from tests.algorithms.charts.drawing import parse, titles

HOSTILE = '<img src=x onerror="alert(1)">&\''


def test_element__hostile_text_and_attributes__are_read_back_as_text() -> None:
    root = parse(element("text", HOSTILE, class_=HOSTILE, data_name=HOSTILE))
    assert (root.text, root.get("class"), root.get("data-name")) == (HOSTILE, HOSTILE, HOSTILE)
    assert list(root) == []


def test_titled__hostile_title_and_address__stay_text() -> None:
    root = parse(titled(text("x", 0, 0), HOSTILE, href=HOSTILE))
    assert (root.tag, root.get("href"), titles(root)) == ("a", HOSTILE, [HOSTILE])


def test_element__none__is_left_out() -> None:
    assert element("g", None, element("rect"), x=None, y=1) == '<g y="1"><rect/></g>'


def test_element__coordinates__have_two_decimals_at_most() -> None:
    root = parse(element("rect", x=1 / 3, y=2.0, width=1e6))
    assert root.attrib == {"x": "0.33", "y": "2", "width": "1000000"}


def test_chart__in_a_template__is_not_escaped_again() -> None:
    drawn = chart(text(HOSTILE, 0, 0), width=10, height=5, label="a", kind="lines")
    shown = Template("{{ drawn }}").render(Context({"drawn": drawn}))
    assert parse(shown)[0].text == HOSTILE


def test_chart__with_links__is_a_group_for_screen_readers() -> None:
    plain = chart(text("a", 0, 0), width=1, height=1, label="plain", kind="lines")
    link = titled(text("a", 0, 0), "b", href="/c")
    linked = chart(link, width=1, height=1, label="linked", kind="lines")
    assert (parse(plain).get("role"), parse(linked).get("role")) == ("img", "group")


def test_diamond__corners__are_a_radius_away() -> None:
    root = parse(diamond(10, 20, 5, class_="d"))
    assert root.get("d") == "M10 15L15 20L10 25L5 20Z"

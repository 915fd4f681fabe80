import pytest

from algorithms.charts.bullets import Bullet, bullets
from tests.algorithms.charts.drawing import number, parse, with_class


def test_bullets__values_and_marks__share_one_scale() -> None:
    rows = [Bullet("a", 0.05, {"limit": 0.1}), Bullet("b", 0.1, {"limit": 0.2, "visible": 0.05})]
    root = parse(bullets(rows, label="power"))
    first, second = with_class(root, "bullet-usual")
    assert number(second, "width") == pytest.approx(2 * number(first, "width"), rel=0.001)
    limit = with_class(root, "mark-limit")[0]
    assert number(limit, "x1") == pytest.approx(
        number(second, "x") + number(second, "width"), abs=0.1
    )


def test_bullets__unknown_value__has_marks_alone() -> None:
    root = parse(bullets([Bullet("a", None, {"limit": 0.1})], label="power"))
    assert with_class(root, "bullet-usual") == []
    assert len(with_class(root, "mark-limit")) == 1


def test_bullets__none__are_drawn() -> None:
    assert parse(bullets([], label="power")).get("aria-label") == "power"

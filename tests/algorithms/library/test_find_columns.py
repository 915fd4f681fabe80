import pytest

from algorithms.library.feature_choice import find_columns


@pytest.mark.parametrize(
    ("lists", "known", "expected"),
    [
        (["a,b"], ["a,b", "x"], ("a,b",)),
        (["a,b"], ["a,b", "a", "b"], ("a,b",)),
        (["a,b"], ["a", "b"], ("a", "b")),
        (["a, b ,"], ["a", "b"], ("a", "b")),
        (["x,a,b"], ["a,b", "x"], ("x", "a,b")),
        (["a,b,x"], ["a,b", "x"], ("a,b", "x")),
        (["a", "b", "a"], ["a", "b"], ("a", "b")),
        (["a", "b,c"], ["b,c", "a"], ("a", "b,c")),
        (["nope"], ["a"], ("nope",)),
        ([" a"], [" a", "a"], (" a",)),
        ([], ["a"], ()),
    ],
)
def test_find_columns__name_that_is_there_whole__goes_first(
    lists: list[str], known: list[str], expected: tuple[str, ...]
) -> None:
    assert find_columns(lists, known) == expected

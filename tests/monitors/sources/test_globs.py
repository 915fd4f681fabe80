import pytest

from monitors.sources.globs import PathPattern


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*.csv", "a.csv", True),
        ("*.csv", "a/b.csv", False),
        ("**/*.csv", "b.csv", True),
        ("**/*.csv", "a/b/c.csv", True),
        ("**", "a/b/c.csv", True),
        ("a/**/b/*.csv", "a/b/x.csv", True),
        ("a/**/b/*.csv", "a/c/x.csv", False),
        ("part-?.csv", "part-1.csv", True),
        ("part-?.csv", "part-10.csv", False),
        ("part-[0-3].csv", "part-3.csv", True),
        ("part-[!0-3].csv", "part-3.csv", False),
        ("[*].csv", "*.csv", True),
        ("[*].csv", "a.csv", False),
        ("*.csv", "A.CSV", False),
    ],
)
def test_path_pattern__matches__as_a_shell_does(pattern: str, path: str, expected: bool) -> None:
    assert PathPattern(tuple(pattern.split("/"))).matches(path.split("/")) is expected


@pytest.mark.parametrize(
    ("pattern", "folder", "expected"),
    [
        ("a*/x.csv", "ab", True),
        ("a*/x.csv", "b", False),
        ("**/x.csv", "a/b", True),
        ("*.csv", "a", False),
    ],
)
def test_path_pattern__folder__is_entered_only_if_something_below_can_match(
    pattern: str, folder: str, expected: bool
) -> None:
    assert PathPattern(tuple(pattern.split("/"))).may_match_below(folder.split("/")) is expected


def test_path_pattern__many_stars__answers_at_once() -> None:
    assert not PathPattern(("**",) * 200 + ("b",)).matches(["a"] * 200)

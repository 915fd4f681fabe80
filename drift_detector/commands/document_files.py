"""Reads and writes documents as YAML or JSON.

YAML has words that become something else by surprise: `no`, `12:30`, `2024-01-01`. Here an unquoted word is what JSON
says: a number, true, false or null; everything else is text. So YAML and JSON have the same values.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from drift_detector.commands.entrance import takes_all_letters
from drift_detector.commands.subcommand import CommandFailed

NULL = re.compile(r"^(?:null|~|)$")
TRUTH = re.compile(r"^(?:true|false)$")
WHOLE = re.compile(r"^-?(?:0|[1-9][0-9]*)$")
NUMBER = re.compile(r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$")
MERGE = re.compile(r"^<<$")
TAG = "tag:yaml.org,2002:"
SCALARS = (
    ("null", NULL, ["n", "~", ""]),
    ("bool", TRUTH, ["t", "f"]),
    ("int", WHOLE, [*"-0123456789"]),
    ("float", NUMBER, [*"-0123456789"]),
    ("merge", MERGE, ["<"]),
)
MOST_BYTES = 16 * 2**20
MOST_PARTS = 1_000_000
TOO_DEEP = "it is nested too deeply."


class _Loader(yaml.SafeLoader):
    """Plain objects, with the words of JSON and each key once."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key must be text", key.start_mark
                )
            if key.value in seen:
                reason = f"the key {key.value!r} is there twice"
                raise yaml.constructor.ConstructorError(None, None, reason, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


class _Dumper(yaml.SafeDumper):
    """Quotes texts that this module or YAML 1.1 would read as something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _construct_whole(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(node.value)


def _construct_number(loader: _Loader, node: yaml.ScalarNode) -> float:
    return float(node.value)


for _name, _pattern, _first in SCALARS:
    _Loader.add_implicit_resolver(f"{TAG}{_name}", _pattern, _first)
_Loader.add_constructor(f"{TAG}int", _construct_whole)
_Loader.add_constructor(f"{TAG}float", _construct_number)
_Dumper.add_implicit_resolver(f"{TAG}float", NUMBER, [*"-0123456789"])


def read_file(path: Path) -> Any:
    """The document of a file: JSON if its name ends so, else YAML.

    Raises:
        CommandFailed: With the file, and the line where it is wrong.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CommandFailed(f"{path} must be UTF-8.") from error
    if len(content) > MOST_BYTES:
        raise CommandFailed(f"{path} must be at most {MOST_BYTES:,} bytes.")
    read = read_json if path.suffix == ".json" else read_yaml
    try:
        value = read(text)
        check_size(value)
        json.dumps(value, allow_nan=False)
        return value
    except (ValueError, RecursionError) as error:
        reason = TOO_DEEP if isinstance(error, RecursionError) else str(error)
        raise CommandFailed(f"{path}: {reason}") from error


def check_size(value: Any) -> None:
    """Refuse what a few lines of YAML can say: a value inside itself, or a list of lists of lists that never ends.

    Raises:
        ValueError: If it has too many parts.
    """
    waiting = [value]
    for _ in range(MOST_PARTS):
        if not waiting:
            return
        each = waiting.pop()
        if isinstance(each, dict | list):
            waiting += each.values() if isinstance(each, dict) else each
    raise ValueError(f"it must have at most {MOST_PARTS:,} values.")


def read_yaml(text: str) -> Any:
    """The value of a YAML text.

    Raises:
        ValueError: With the line where it is wrong.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  # a safe one: it makes no objects
    except yaml.YAMLError as error:
        raise ValueError(_sentence(error)) from error


def _sentence(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError):
        return " ".join(str(error).split())
    mark = error.problem_mark or error.context_mark
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{place}{error.problem or error.context}."


def read_json(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: With the line where it is wrong.
    """
    return json.loads(text, object_pairs_hook=_each_once, parse_constant=_refuse)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice.")
    return found


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON.")


def write_yaml(value: Any) -> str:
    """A value of JSON as YAML, in its order; letters that standard output cannot take are escaped."""
    options: dict[str, Any] = {
        "sort_keys": False,
        "allow_unicode": takes_all_letters(),
        "width": 100,
    }
    return str(yaml.dump(value, Dumper=_Dumper, **options)).removesuffix("\n")


def write_json(value: Any) -> str:
    """A value as JSON for people."""
    return json.dumps(value, indent=2, ensure_ascii=not takes_all_letters())


WRITERS: dict[bool, Callable[[Any], str]] = {True: write_json, False: write_yaml}

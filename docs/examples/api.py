#!/usr/bin/env python3
"""A small client for the API: it needs nothing but python3, and prints tables.

The address and the key are AUMOS_DRIFT_DEMO_URL and AUMOS_DRIFT_DEMO_API_KEY: from the environment,
or else from .state/demo.env, where `make run` writes them.

    api.py monitors                                    the answer as JSON
    api.py monitors --show name,status --sort name     a table with these fields
    api.py runs verdict=drift page_size=200            query parameters
    api.py monitors --first id                         one field of the first row, for a shell variable
    api.py alerts/acknowledge/ID --post '{"note": "seen"}'
"""

import argparse
import json
import os
import shlex
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

URL, KEY = "AUMOS_DRIFT_DEMO_URL", "AUMOS_DRIFT_DEMO_API_KEY"
DEMO_FILE = Path(__file__).parents[2] / ".state" / "demo.env"
OPTIONS = {
    "--post": ("JSON", "send this body"),
    "--show": ("FIELDS", "print these fields; a.b looks inside a"),
    "--rows": ("FIELD", "make a table of this list in the answer"),
    "--sort": ("FIELD", "order the rows by this field"),
    "--first": ("FIELD", "print one field of the first row alone"),
}


def main() -> int:
    """Ask the API and print its answer."""
    options = parse_options()
    try:
        answer = ask(options.path, options.query, options.post)
    except urllib.error.HTTPError as error:
        return complain(json.load(error)["detail"])
    except OSError as error:
        return complain(f"The service does not answer: {error}. Is `make run` going on?")
    write(render(answer, options))
    return 0


def parse_options() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("path", help="what follows /api/v1/")
    parser.add_argument("query", nargs="*", metavar="name=value", help="query parameters")
    for name, (metavar, text) in OPTIONS.items():
        parser.add_argument(name, metavar=metavar, help=text)
    return parser.parse_args()


def ask(path: str, query: "list[str]", body: "str | None") -> Any:
    """The decoded answer of one request; a body makes it a POST."""
    data = None if body is None else body.encode()
    request = request_of(path, query, data)
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request) as response:
        return json.load(response)


def request_of(path: str, query: "list[str]", data: "bytes | None") -> urllib.request.Request:
    """A request with the key."""
    access = read_access()
    pairs = [item.partition("=")[::2] for item in query]
    url = f"{access[URL]}/api/v1/{path}?{urllib.parse.urlencode(pairs)}"
    headers = {"Authorization": f"Bearer {access[KEY]}", "Content-Type": "application/json"}
    return urllib.request.Request(url, data, headers)  # noqa: S310


def read_access() -> "dict[str, str]":
    """The address and the key."""
    if URL in os.environ:
        return dict(os.environ)
    words = shlex.split(DEMO_FILE.read_text())
    return dict(word.split("=", 1) for word in words)


def render(answer: Any, options: argparse.Namespace) -> str:
    """The answer as the options want it: one value, a table, a list of fields or JSON."""
    name = options.rows or "results"
    is_list = isinstance(answer, dict) and name in answer
    rows = sorted_rows(answer[name] if is_list else [answer], options.sort)
    if options.first:
        return text_of(look_up(rows[0], options.first)) if rows else ""
    if not options.show:
        return json.dumps(answer, indent=2)
    fields = options.show.split(",")
    cells = [cells_of(row, fields) for row in rows]
    return table([fields, *cells]) if is_list else table(list(zip(fields, cells[0])))  # noqa: B905


def sorted_rows(rows: "list[Any]", field: "str | None") -> "list[Any]":
    """The rows by a field, as text; in their own order without one."""
    return sorted(rows, key=lambda row: str(look_up(row, field))) if field else rows


def cells_of(row: Any, fields: "list[str]") -> "list[str]":
    """The fields of a row as text."""
    return [text_of(look_up(row, field)) for field in fields]


def look_up(row: Any, field: str) -> Any:
    """A field of a row; `a.b` is the field b of a."""
    for name in field.split("."):
        row = row[name]
    return row


def text_of(value: Any) -> str:
    """A value in a few characters: three significant digits, and a dash for null."""
    if isinstance(value, float):
        return f"{value:.3g}"
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value)


def table(rows: "list[Any]") -> str:
    """Rows of text in columns of one width each."""
    widths = [max(map(len, column)) for column in zip(*rows)]  # noqa: B905
    padded = ([cell.ljust(width) for cell, width in zip(row, widths)] for row in rows)  # noqa: B905
    return "\n".join("  ".join(row).rstrip() for row in padded)


def write(text: str) -> None:
    """Print one answer."""
    sys.stdout.write(f"{text}\n")


def complain(text: str) -> int:
    """Print what is wrong and return the exit code."""
    sys.stderr.write(f"{text}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())

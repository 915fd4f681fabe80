"""The page of calibration: parts that one command each measures, between marks."""

import re
from pathlib import Path

MARK = "<!-- part: {} -->"
MARKED = re.compile(r"^<!-- part: (\w+) -->$\n*", re.MULTILINE)


def put_part(page: Path, part: str, text: str) -> None:
    """Put what was measured in place of an older text; the rest of the page stays.

    Raises:
        KeyError: If the page has no mark of this part.
    """
    head, *marked = MARKED.split(page.read_text())
    found = dict(zip(marked[::2], marked[1::2], strict=True))
    if part not in found:
        raise KeyError(f"{page.name} has no mark {MARK.format(part)!r}.")
    found[part] = text
    parts = [f"{MARK.format(name)}\n\n{each.strip()}" for name, each in found.items()]
    page.write_text("\n\n".join([head.strip(), *parts]) + "\n")

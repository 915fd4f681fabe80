"""Documents of which a part is measured and the rest is written."""

from pathlib import Path

BEGIN, END = "<!-- measured: do not edit -->", "<!-- end of what is measured -->"


def read_measured(document: Path) -> list[str]:
    """The lines between the marks of a document."""
    _, rest = document.read_text().split(BEGIN)
    return rest.split(END)[0].strip().splitlines()


def replace_measured(document: Path, text: str) -> None:
    """Put what was measured between the marks of a document."""
    before, rest = document.read_text().split(BEGIN)
    _, after = rest.split(END)
    document.write_text(f"{before}{BEGIN}\n{text.strip()}\n{END}{after}")

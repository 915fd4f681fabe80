"""What is installed at run time has a licence that Apache-2.0 software may depend on, by its own metadata."""

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest

LOCK = Path(__file__).parents[2] / "requirements.txt"
LGPL_ACCEPTED = {"psycopg", "psycopg-binary", "psycopg-pool", "python-crontab"}

COPYLEFT = re.compile(r"GPL|General Public License|Affero", re.IGNORECASE)
LESSER = re.compile(r"LGPL|(Lesser|Library) General Public License", re.IGNORECASE)


def licence(package: Distribution) -> str:
    """The licence expression, the classifiers, and the first line of the older free text."""
    meta = package.metadata
    classifiers = [each for each in meta.get_all("Classifier", []) if each.startswith("License ::")]
    return " | ".join(
        [meta.get("License-Expression", ""), meta.get("License", "").split("\n")[0], *classifiers]
    )


def is_copyleft(name: str, text: str) -> bool:
    """Whether it is a GPL or AGPL, or an LGPL that nobody has accepted by name."""
    if name in LGPL_ACCEPTED:
        return bool(COPYLEFT.search(LESSER.sub("", text)))
    return bool(COPYLEFT.search(text))


def installed() -> dict[str, Distribution]:
    names = re.findall(r"^([A-Za-z0-9_.-]+)==", LOCK.read_text(), re.MULTILINE)
    found = {}
    for name in names:
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue  # for another operating system
    return found


def test_licences__of_all_runtime_dependencies__none_is_gpl_or_agpl() -> None:
    packages = installed()
    assert len(packages) > 50
    texts = {name: licence(package) for name, package in packages.items()}
    assert {name: text for name, text in texts.items() if is_copyleft(name, text)} == {}


def test_licences__lgpl_accepted_by_name__are_still_needed() -> None:
    assert set(installed()) >= LGPL_ACCEPTED


def test_lock__requirements_of_what_is_installed__are_in_it() -> None:
    packages = installed()
    known = {name.lower().replace("_", "-") for name in packages}
    for package in packages.values():
        plain = [each for each in package.requires or [] if ";" not in each]
        needed = {
            re.split(r"[^A-Za-z0-9_.-]", each)[0].lower().replace("_", "-").replace(".", "-")
            for each in plain
        }
        assert needed <= {name.replace(".", "-") for name in known}, package.name


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("x", "GPL-3.0-or-later", True),
        ("x", "AGPL-3.0-only", True),
        ("x", "License :: OSI Approved :: GNU Affero General Public License v3", True),
        ("x", "LGPL-3.0-only", True),
        ("psycopg", "LGPL-3.0-only", False),
        ("psycopg", "GNU Lesser General Public License v3 (LGPLv3)", False),
        ("psycopg", "GPL-3.0-only", True),
        ("x", "Apache-2.0", False),
    ],
)
def test_is_copyleft__licence__is_told_apart(name: str, text: str, expected: bool) -> None:
    assert is_copyleft(name, text) is expected

"""Templates of subjects."""

import pytest

from alerts.channels.subjects import BadTemplate, check_template, subject_of

VALUES = {
    "severity": "critical",
    "monitor": "Flights {monitor.x}",
    "kind": "statistical",
    "what": "drift\r\nBcc: x",
    "summary": "s",
}


@pytest.mark.parametrize(
    "template",
    [
        "{x}",
        "{}",
        "{0}",
        "{monitor.name}",
        "{monitor[0]}",
        "{monitor!r}",
        "{monitor:>9}",
        "{",
        "}",
        "a\nb",
    ],
)
def test_check_template__more_than_known_fields__is_refused(template: str) -> None:
    with pytest.raises(BadTemplate):
        check_template(template)


@pytest.mark.parametrize(
    ("template", "subject"),
    [
        ("", "[critical] Flights {monitor.x}: drift Bcc: x"),
        ("{severity}!", "critical!"),
        ("{{x}} {kind}", "{x} statistical"),
    ],
)
def test_subject_of__values__are_text_and_one_line(template: str, subject: str) -> None:
    check_template(template)
    assert subject_of(template, VALUES) == subject

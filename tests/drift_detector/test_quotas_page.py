"""The page of the operator's limits against the settings."""

import re
from pathlib import Path

from drift_detector import env
from tests.drift_detector.test_env import settings_of

PAGE = (Path(__file__).parents[2] / "docs" / "quotas.md").read_text()
ROWS = re.findall(r"^\| `(AUMOS_DRIFT_\w+)` \| (\S+) \| .+ \|$", PAGE, re.MULTILINE)
SETTINGS = settings_of(env.Environment)
LIMIT = re.compile(
    r"^AUMOS_DRIFT_((THROTTLE|QUOTAS)__.*|(?!OIDC)\w+__MAX_\w+|\w+__TIME_LIMIT_SECONDS)$"
)


def test_page__every_limit__stands_on_it_once() -> None:
    names = [name for name, _ in ROWS]
    assert len(set(names)) == len(names) == PAGE.count("AUMOS_DRIFT_")
    assert {name for name in SETTINGS if LIMIT.match(name)} <= set(names) <= set(SETTINGS)


def test_page__each_default__is_the_settings() -> None:
    assert [(name, value) for name, value in ROWS if value != str(SETTINGS[name].default)] == []

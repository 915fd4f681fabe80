"""The checker shares nothing with what it checks; what it sees is for the fault `checker` to show."""

import json
import subprocess
import sys

from tests.chaos.world import ROOT

SERVICE = (
    "django",
    "celery",
    "drift_detector",
    "monitors",
    "detections",
    "alerts",
    "algorithms",
    "tasks",
)


def test_checker__imported__brings_nothing_of_the_service() -> None:
    look = (
        "import json, sys, tests.chaos.checker; "
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert set(SERVICE) & set(json.loads(printed)) == set()

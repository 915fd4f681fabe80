#!/usr/bin/env python
"""Django's command line."""

import os
import sys

from drift_detector.command_line import NamedUtility
from drift_detector.lean_start import start_lean

PLACEHOLDERS = {
    "AUMOS_DRIFT_SECRET_KEY": "only-for-commands-that-start-no-server",
    "AUMOS_DRIFT_DATABASE__URL": "postgresql://nobody@127.0.0.1:1/none",
    "AUMOS_DRIFT_DATABASE__POOL_SIZE": "0",
    "AUMOS_DRIFT_REDIS__URL": "redis://127.0.0.1:1/0",
    "AUMOS_DRIFT_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
}

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "drift_detector.settings")
    # check_drift compares files and asks no server for anything, so it must run where none is configured; Django wants
    # its settings all the same, before it loads. Variables that are set stay as they are.
    if sys.argv[1:2] == ["check_drift"]:
        for name, value in PLACEHOLDERS.items():
            os.environ.setdefault(name, value)
    start_lean()
    NamedUtility(sys.argv).execute()

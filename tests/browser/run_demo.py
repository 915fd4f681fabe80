"""Runs the demo as `make run` does, with its state in a folder of the test.

Used as `python -m tests.browser.run_demo FOLDER PORT`.
"""

import sys
from pathlib import Path

from drift_detector.embedded.processes import service_processes
from drift_detector.embedded.service import ROOT, prepare_database_and_demo, serve

if __name__ == "__main__":
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    processes = service_processes(port=port, workers=1)
    sys.exit(
        serve(folder, root=ROOT, port=port, processes=processes, prepare=prepare_database_and_demo)
    )

"""`make run` for a test: the same service and demo, with a state folder and a port of its own.

Usage: demo_service.py FOLDER PORT
"""

import sys
from pathlib import Path

from drift_detector.embedded.processes import service_processes
from drift_detector.embedded.service import ROOT, prepare_database_and_demo, serve


def main() -> int:
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    processes = service_processes(port=port, workers=1)
    return serve(
        folder, root=ROOT, port=port, processes=processes, prepare=prepare_database_and_demo
    )


if __name__ == "__main__":
    sys.exit(main())

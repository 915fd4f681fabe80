"""`python -m drift_detector.front HOST PORT`: the web process."""

import sys

from drift_detector.wsgi import application

# isort: split
# Django is set up by the line above. All views are loaded by this one, before anybody waits for them.
import drift_detector.urls  # noqa: F401

# isort: split
from drift_detector.front.server import serve

if __name__ == "__main__":
    serve(application, host=sys.argv[1], port=int(sys.argv[2]))

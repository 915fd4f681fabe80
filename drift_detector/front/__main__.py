"""`python -m drift_detector.front HOST PORT`: the web process."""

import sys

from drift_detector.front.front_server import serve
from drift_detector.wsgi import application

if __name__ == "__main__":
    serve(application, host=sys.argv[1], port=int(sys.argv[2]))

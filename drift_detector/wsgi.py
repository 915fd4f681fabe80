"""The WSGI application that the front serves."""

import os

from django.core.wsgi import get_wsgi_application

from drift_detector.lean_start import start_lean

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "drift_detector.settings")
start_lean()
django_application = get_wsgi_application()

from django.conf import settings  # noqa: E402 - the settings are loaded above

from drift_detector.api.chunked_bodies import accept_chunked_bodies  # noqa: E402

application = accept_chunked_bodies(django_application, limit=settings.ENV.data.max_inline_bytes)

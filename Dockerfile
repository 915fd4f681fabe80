# syntax=docker/dockerfile:1
FROM python:3.13.9-slim AS build
RUN pip install --no-cache-dir uv==0.9.7
WORKDIR /srv
COPY requirements.txt .
RUN uv venv /opt/venv && uv pip install --python /opt/venv --require-hashes --compile-bytecode --no-cache -r requirements.txt
COPY pyproject.toml manage.py LICENSE NOTICE ./
COPY algorithms algorithms
COPY monitors monitors
COPY detections detections
COPY alerts alerts
COPY tasks tasks
COPY drift_detector drift_detector
# What is compiled is kept beside the sources; the service's user, who cannot write there, loads it.
RUN /opt/venv/bin/python -m algorithms.warm
ENV AUMOS_DRIFT_STATIC_ROOT=/srv/static
# collectstatic asks no server; it only wants the settings to be there.
RUN AUMOS_DRIFT_SECRET_KEY=only-for-collectstatic-in-the-image-build \
    AUMOS_DRIFT_DATABASE__URL=postgresql://none@127.0.0.1:1/none AUMOS_DRIFT_DATABASE__POOL_SIZE=0 \
    AUMOS_DRIFT_REDIS__URL=redis://127.0.0.1:1/0 AUMOS_DRIFT_KAFKA__BOOTSTRAP_SERVERS=127.0.0.1:1 \
    /opt/venv/bin/python manage.py collectstatic --noinput --verbosity 0

FROM python:3.13.9-slim
RUN useradd --system --uid 10001 --home-dir /srv drift
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv /srv
WORKDIR /srv
USER drift
# Code for another processor than the build's is compiled when a worker starts, and kept here.
ENV XDG_CACHE_HOME=/tmp/cache
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 AUMOS_DRIFT_STATIC_ROOT=/srv/static
EXPOSE 8000
CMD ["python", "-m", "drift_detector.front", "0.0.0.0", "8000"]

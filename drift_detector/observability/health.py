"""`/healthz`: the process lives. `/readyz`: it reaches the database and the broker."""

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse


def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers requests."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 if the database and the broker answer, else 503; the body says which one does not."""
    checks = {"database": _database_answers(), "broker": _broker_answers()}
    body = {name: "ok" if answers else "unreachable" for name, answers in checks.items()}
    return JsonResponse(body, status=200 if all(checks.values()) else 503)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _broker_answers() -> bool:
    with redis.Redis.from_url(
        str(settings.ENV.redis.url), socket_connect_timeout=2, socket_timeout=2
    ) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False

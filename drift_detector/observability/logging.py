"""Structured logs: JSON lines for machines, coloured lines for people.

The records of Django and Celery take the same way.
"""

import logging.config
import sys
from typing import Any

import structlog

from drift_detector.observability.key_masks import mask_keys

# The supervisor prints the time; only machines need the other fields.
FIELDS_FOR_MACHINES = ("timestamp", "logger", "tenant_id", "request_id", "ip", "user_id")


def _brief(
    logger: Any, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    return {name: value for name, value in event.items() if name not in FIELDS_FOR_MACHINES}


def _without_keys(logger: Any, method: str, line: Any) -> str:
    """The finished line, with the API keys in it masked: of our words, of libraries' and of tracebacks."""
    return mask_keys(str(line))


SHARED_PROCESSORS: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]
# Tracebacks show no local variables, because these can hold keys and passwords.
TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
RENDERERS: dict[str, list[structlog.typing.Processor]] = {
    "json": [TRACEBACKS, structlog.processors.JSONRenderer()],
    "console": [
        _brief,
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            pad_event_to=0,
            exception_formatter=structlog.dev.plain_traceback,
        ),
    ],
}

# Loggers that would repeat what ours say, with the least level that is still shown.
QUIETER = {
    "celery.worker.strategy": "WARNING",
    "celery.app.trace": "WARNING",
    "django_structlog": "ERROR",  # answered requests have a line of ours
    "django.request": "ERROR",
    "urllib3": "WARNING",  # below, it writes whole addresses, and these can hold secrets
}
# What these say can hold secrets; what people need of it is in the log of a notification.
SILENT = ("apprise",)


def logging_config(*, level: str, format: str) -> dict[str, Any]:
    """A configuration for `logging.config.dictConfig` that renders every record with structlog.

    Args:
        level: The least level that is logged.
        format: `json` or `console`.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"structlog": _formatter(format)},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "structlog"},
            "nowhere": {"class": "logging.NullHandler"},
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": _loggers(),
    }


def _loggers() -> dict[str, Any]:
    quieter: dict[str, Any] = {name: {"level": least} for name, least in QUIETER.items()}
    return quieter | {name: {"handlers": ["nowhere"], "propagate": False} for name in SILENT}


def _formatter(format: str) -> dict[str, Any]:
    first = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    return {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": SHARED_PROCESSORS,
        "processors": [first, *RENDERERS[format], _without_keys],
    }


def configure(config: dict[str, Any]) -> None:
    """Configure standard logging, then structlog on top of it; Django's LOGGING_CONFIG hook."""
    logging.config.dictConfig(config)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED_PROCESSORS,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )

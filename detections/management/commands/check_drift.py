import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from detections.one_shot.check_command import (
    HELP,
    UNREADABLE,
    Uncomparable,
    add_arguments,
    check,
)
from detections.one_shot.compare import Reading
from monitors.evaluation_plans import specs_of_settings
from monitors.selectors import get_source_limits
from monitors.sources import SourcePolicy


class Command(BaseCommand):
    help = HELP

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_arguments(parser, min_rows=settings.ENV.min_rows)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            text, code = check(options, specs=specs_of_settings(), reading=_reading())
        except Uncomparable as error:
            raise CommandError(str(error), returncode=UNREADABLE) from error
        self.stdout.write(text)
        if code:
            sys.exit(code)


def _reading() -> Reading:
    """The limits of reading and the stores of the settings."""
    data = settings.ENV.data
    policy = SourcePolicy(
        allowed_roots=("/",),
        s3_endpoint=data.s3_endpoint,
        s3_region=data.s3_region,
        azure_account=data.azure_account,
        max_window_bytes=data.max_window_bytes,
        limits=get_source_limits(),
    )
    return Reading(
        policy=policy,
        stream_bytes=data.stream_bytes,
        max_reference_rows=data.max_reference_rows,
        max_baseline_bytes=data.max_baseline_bytes,
    )

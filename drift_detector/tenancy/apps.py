from django.apps import AppConfig


class TenancyConfig(AppConfig):
    name = "drift_detector.tenancy"
    label = "tenancy"
    verbose_name = "Tenancy"

    def ready(self) -> None:
        from drift_detector.tenancy import (  # noqa: F401  (they register their classes)
            key_pages,
            member_pages,
            openapi,
        )

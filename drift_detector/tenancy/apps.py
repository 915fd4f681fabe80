from django.apps import AppConfig


class TenancyConfig(AppConfig):
    name = "drift_detector.tenancy"
    label = "tenancy"
    verbose_name = "Tenancy"

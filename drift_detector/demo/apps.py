from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "drift_detector.demo"
    label = "demo"

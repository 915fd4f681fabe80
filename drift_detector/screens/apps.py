from django.apps import AppConfig


class ScreensConfig(AppConfig):
    name = "drift_detector.screens"
    label = "screens"

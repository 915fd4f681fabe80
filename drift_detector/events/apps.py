from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "drift_detector.events"
    label = "events"
    verbose_name = "Events"

from django.apps import AppConfig


class TasksConfig(AppConfig):
    name = "tasks"

    def ready(self) -> None:
        from tasks import crashes, draining  # noqa: F401  # Celery's signals find them
        from tasks import worker_heartbeats as watching  # noqa: F401  # Celery's signals find them

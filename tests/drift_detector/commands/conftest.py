from tests.alerts.documents.conftest import document

__all__ = ["document"]

from drift_detector.embedded.processes import service_processes


def test_service_processes__two_workers__each_process_has_its_role() -> None:
    roles = {process.name: process.role for process in service_processes(port=8000, workers=2)}
    assert roles == {
        "web": "app",
        "worker.1": "app",
        "worker.2": "app",
        "beat": "scheduler",
        "consumer": "app",
        "reconciler": "scheduler",
        "relay": "relay",
    }


def test_service_processes__web__listens_on_loopback_only() -> None:
    web = next(process for process in service_processes(port=8123, workers=1) if process.name == "web")
    assert "127.0.0.1:8123" in web.command

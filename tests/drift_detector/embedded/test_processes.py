from drift_detector.embedded.processes import service_processes, with_metrics


def test_service_processes__two_workers__each_process_has_its_role() -> None:
    roles = {process.name: process.role for process in service_processes(port=8000, workers=2)}
    assert roles == {
        "web": "web",
        "worker.1": "app",
        "worker.2": "app",
        "beat": "scheduler",
        "consumer": "app",
        "reconciler": "scheduler",
        "relay": "relay",
        "notifier": "notifier",
    }


def test_service_processes__web__listens_on_loopback_only() -> None:
    web = next(
        process for process in service_processes(port=8123, workers=1) if process.name == "web"
    )
    assert web.command[-2:] == ["127.0.0.1", "8123"]


def test_with_metrics__each_process_but_web__has_a_port_of_its_own() -> None:
    processes = with_metrics(service_processes(port=8000, workers=2), first_port=9500)
    assert {process.name: process.metrics_port for process in processes} == {
        "web": None,
        "worker.1": 9500,
        "worker.2": 9501,
        "consumer": 9502,
        "beat": 9503,
        "reconciler": 9504,
        "relay": 9505,
        "notifier": 9506,
    }

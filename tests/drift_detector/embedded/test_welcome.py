from pathlib import Path

from drift_detector.embedded.welcome import metrics_lines, read_demo


def test_read_demo__plain_exported_and_quoted_lines__all_understood(tmp_path: Path) -> None:
    file = tmp_path / "demo.env"
    file.write_text(
        "# made by seed_demo\n"
        "AUMOS_DRIFT_DEMO_URL=http://127.0.0.1:8000\n"
        "export AUMOS_DRIFT_DEMO_API_KEY=adk_x=\n"
        "AUMOS_DRIFT_DEMO_ADMIN_PASSWORD='a b'\n"
    )
    assert read_demo(file) == {
        "URL": "http://127.0.0.1:8000",
        "API_KEY": "adk_x=",
        "ADMIN_PASSWORD": "a b",
    }


def test_read_demo__no_file__nothing(tmp_path: Path) -> None:
    assert read_demo(tmp_path / "demo.env") == {}


def test_metrics_lines__ports_given__name_each_address() -> None:
    assert metrics_lines({"worker.1": 9500, "relay": 9501})[-2:] == [
        "http://127.0.0.1:9500  worker.1",
        "http://127.0.0.1:9501  relay",
    ]


def test_metrics_lines__no_ports__say_nothing() -> None:
    assert metrics_lines({}) == []

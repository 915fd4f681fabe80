from tests.run_fixtures import flights_monitor, monitor, run  # noqa: F401

from tests.run_fixtures import committed_monitor, committed_run, flights_monitor, monitor, run  # noqa: F401

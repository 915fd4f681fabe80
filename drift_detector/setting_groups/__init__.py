"""The settings by group; `drift_detector.env` reads them from environment variables."""

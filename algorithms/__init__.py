"""The pure part of drift detection: statistical tests, baselines, verdicts and their pictures; no Django and no I/O."""

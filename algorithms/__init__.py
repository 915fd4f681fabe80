"""Pure numerics of drift detection: statistical tests, baselines and verdicts; no Django and no I/O."""

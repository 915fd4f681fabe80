"""What is spent of the false-alarm budgets: the alerts that people called noise."""

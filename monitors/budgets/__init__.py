"""The false-alarm budget: how many false alerts a month a tenant or a model can bear, shared by its runs."""

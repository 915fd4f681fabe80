"""How often verdicts are wrong: simulations and real data without drift, and the shifts that are found."""

"""Erases people and removes tenants; as the owner of the tables, from the command line alone."""

"""Connections to object stores that tenants make themselves, of what the operator offers them."""

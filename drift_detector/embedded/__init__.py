"""PostgreSQL, Valkey and a Kafka-protocol broker, started as child processes for `make run` and the tests.

This package needs no Django settings: it makes the environment from which they are read.
"""

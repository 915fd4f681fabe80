"""PostgreSQL, Valkey and a Kafka-protocol broker, started as child processes for `make run` and the tests.

Nothing here needs Django's settings: the launcher makes the environment that those settings are read from.
"""

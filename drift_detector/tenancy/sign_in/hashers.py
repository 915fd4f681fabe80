"""Hashes passwords."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    """Argon2id with 46 MiB, two passes and one lane: twice the work that OWASP asks for with this memory.

    Django's own choice takes 100 MiB and eight threads. A web process checks as many passwords at once as
    `AUMOS_DRIFT_THROTTLE__MAX_HASHES` says, by default one, so this is the memory that sign-ins add to it.
    """

    time_cost = 2
    memory_cost = 46 * 1024
    parallelism = 1

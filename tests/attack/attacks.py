"""The attacks by name, in the order of the table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.attack import strangers, tenants
from tests.attack.forms import Form
from tests.attack.stand import Outcome, Stand


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack: what it does, and the function that does it and says what came of it."""

    text: str
    run: Callable[[Stand, Form], Outcome]


ATTACKS: Mapping[str, Attack] = {
    "slow-headers": Attack("sockets that never finish their first line", strangers.slow_headers),
    "dripping-headers": Attack(
        "sockets that send a header each second", strangers.dripping_headers
    ),
    "slow-bodies": Attack("bodies that come byte by byte", strangers.slow_bodies),
    "idle-connections": Attack(
        "sockets that stay open after an answer", strangers.idle_connections
    ),
    "wrong-keys": Attack("300 guesses of a key", strangers.wrong_keys),
    "wrong-passwords": Attack(
        "22 guesses of a password, then the right one", strangers.wrong_passwords
    ),
    "logins-at-once": Attack("16 logins at once", strangers.logins_at_once),
    "schema": Attack("the OpenAPI document again and again", strangers.schema_again_and_again),
    "upload": Attack("a large file for the login page", strangers.upload_to_the_login_page),
    "previews": Attack("10 previews of a large honest file", tenants.large_previews),
    "wide-files": Attack("very many columns, very many row groups", tenants.wide_files),
    "widened-columns": Attack("1,000 columns that change their type late", tenants.widened_columns),
    "hostile-files": Attack("files that were made to harm their reader", tenants.hostile_files),
    "quota": Attack("40 runs where 5 a day are allowed", tenants.runs_over_the_quota),
    "waiting": Attack("40 requests that wait a minute", tenants.waiting_requests),
}

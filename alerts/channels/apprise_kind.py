"""Kinds of channels that the library `apprise` sends to, each with fixed hosts and an allow-list of options.

An address of apprise can do much more than name a receiver: `verify=no`, `redirect=yes`, `template=` that
reads a file, `avatar_url=`, headers. So every option that a kind does not name is refused, and what a
channel may not choose is set here, after the address is parsed.
"""

import logging
from collections.abc import Collection, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from alerts.channels.channel_kind import (
    ChannelKind,
    Destination,
    Message,
    NotAnAddress,
    Reply,
    without_secrets,
)

if TYPE_CHECKING:
    from apprise import AppriseAsset

LONGEST_ADDRESS = 1000
LONGEST_CONNECT_SECONDS = 5.0
LEVELS = {"critical": "failure", "warning": "warning", "info": "info"}
MAPS_OF_OPTIONS = ("qsd+", "qsd-", "qsd:")
"""Options with a sign before their name: headers and tokens."""
CHOSEN_BY_ADDRESS = (
    "verify",
    "redirect",
    "format",
    "overflow",
    "emojis",
    "store",
    "tz",
    "retry",
    "wait",
)


class AppriseKind(ChannelKind):
    """A kind whose plugin of apprise has fixed hosts.

    Attributes:
        plugin: The module and the class of the plugin.
        options: The options that an address may have; all others are refused.
    """

    plugin: tuple[str, str]
    options: frozenset[str] = frozenset()

    def check(self, address: str) -> str:
        self._create(address, {})
        return address

    def shown(self, address: str) -> str:
        return f"{self.name}://…"

    def send(self, destination: Destination, message: Message, *, seconds: float) -> Reply:
        try:
            plugin = self._create(
                destination.address, self.choices(message) | _time_limits(seconds)
            )
        except NotAnAddress as error:
            return Reply(False, str(error), is_final=True)
        return _notify(plugin, message, destination)

    def choices(self, message: Message) -> dict[str, Any]:
        """The choices of this kind for a message, by the names of the plugin's arguments."""
        return {}

    def check_parts(self, parts: Mapping[str, Any]) -> None:
        """Check the parts of an address that are special to this kind.

        Raises:
            NotAnAddress: If one is wrong.
        """

    def _create(self, address: str, choices: Mapping[str, Any]) -> Any:
        """The plugin for an address.

        Raises:
            NotAnAddress: If the address is none of this kind, or has an option that is not allowed.
        """
        plugin = getattr(import_module(self.plugin[0]), self.plugin[1])
        parts = self._parse(plugin, address)
        self._check_options(parts)
        self.check_parts(parts)
        for name in CHOSEN_BY_ADDRESS:
            parts.pop(name, None)
        # Pictures would be loaded from a server of apprise's.
        chosen = {**parts, "asset": _asset(), "include_image": False, "avatar": False, **choices}
        try:
            return plugin(**chosen)
        except (
            TypeError,
            ValueError,
            AttributeError,
        ):  # AppriseImproperlyConfigured is a TypeError
            raise self._refusal() from None

    def _parse(self, plugin: Any, address: str) -> dict[str, Any]:
        if len(address) > LONGEST_ADDRESS or not address.isascii() or not address.isprintable():
            raise NotAnAddress(f"The address must have at most {LONGEST_ADDRESS} ASCII characters.")
        if address.startswith("https://"):
            parts = plugin.parse_native_url(address)
        elif address.partition("://")[0].lower() in _schemas(plugin):
            parts = plugin.parse_url(address)
        else:
            parts = None
        if not parts:
            raise self._refusal()
        return dict(parts)

    def _check_options(self, parts: Mapping[str, Any]) -> None:
        given = [name for name in parts.get("qsd", {}) if name not in self.options]
        given += [name[-1] for name in MAPS_OF_OPTIONS if parts.get(name)]
        if given:
            taken = f"only {', '.join(sorted(self.options))}" if self.options else "none"
            raise NotAnAddress(
                f"The address must not have the option {given[0][:40]!r}; {self.title} takes {taken}."
            )

    def _refusal(self) -> NotAnAddress:
        return NotAnAddress(f"The address must be one of {self.title}, such as {self.form}")


def _schemas(plugin: Any) -> Collection[str]:
    found = plugin.secure_protocol
    return (found,) if isinstance(found, str) else found


def _asset() -> "AppriseAsset":
    from apprise import AppriseAsset

    asset = AppriseAsset(storage_mode="memory", plugin_paths=None, allow_templates=False)
    asset.app_id, asset.app_desc, asset.app_url = "Drift detector", "Drift detector", ""
    asset.image_url_mask = asset.image_url_logo = ""
    asset.http_redirects, asset.async_mode = False, False
    return asset


def _time_limits(seconds: float) -> dict[str, float]:
    return {"cto": min(seconds, LONGEST_CONNECT_SECONDS), "rto": seconds}


def _notify(plugin: Any, message: Message, destination: Destination) -> Reply:
    from apprise import Apprise, NotifyFormat, NotifyType

    sender = Apprise(asset=plugin.asset)
    sender.add(plugin)
    level = "success" if message.is_end else LEVELS[message.severity]
    result = sender.notify(
        body=message.text,
        title=message.subject,
        notify_type=NotifyType(level),
        body_format=NotifyFormat.TEXT,
    )
    said = without_secrets(_said(result), destination)
    return Reply(
        bool(result), said or ("Accepted." if result else "It did not accept the message.")
    )


def _said(result: Any) -> str:
    """The warnings of apprise; what is below can hold whole addresses."""
    entries = [entry for service in result for attempt in service for entry in attempt.logs]
    loud = (entry for entry in entries if logging.getLevelName(str(entry.level)) >= logging.WARNING)
    return " ".join(str(entry.message) for entry in loud)

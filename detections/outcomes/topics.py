"""Says which Kafka topics hold outcomes, and which tenant's each of them is.

By default each tenant has a topic of its own, named by its slug. The broker's rights then say who may
write for which tenant: the name of the topic decides, never what a message says.
"""

import re
from dataclasses import dataclass

from drift_detector.setting_groups.group import SLUG, TENANT


@dataclass(frozen=True, slots=True)
class OutcomeTopics:
    """The topics that a setting such as `outcomes.{tenant}` names.

    Attributes:
        template: The setting. Without `{tenant}` it is one topic that all tenants share.
    """

    template: str

    @property
    def are_per_tenant(self) -> bool:
        """True if each tenant has a topic of its own."""
        return TENANT in self.template

    @property
    def subscription(self) -> str:
        """The subscription of a consumer: a topic, or a regular expression for the whole of its name."""
        return f"^{self._pattern}$" if self.are_per_tenant else self.template

    def slug_of(self, topic: str) -> str | None:
        """The slug in the name of a tenant's topic; None for another topic, and for a shared one."""
        if not self.are_per_tenant:
            return None
        match = re.fullmatch(self._pattern, topic)
        return match[1] if match else None

    def includes(self, topic: str) -> bool:
        """True if outcomes are read from this topic."""
        return topic == self.template or self.slug_of(topic) is not None

    @property
    def _pattern(self) -> str:
        """The names of tenants' topics, in what Python's and librdkafka's regular expressions share."""
        before, after = (part.replace(".", "[.]") for part in self.template.split(TENANT))
        return f"{before}({SLUG}){after}"

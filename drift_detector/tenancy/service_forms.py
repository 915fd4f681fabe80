"""A form of the admin whose row is checked and saved by a service."""

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.forms.models import ModelFormMetaclass


class ServiceFormMeta(ModelFormMetaclass, ABCMeta):
    """Lets a form of a model have abstract methods."""


class ServiceForm(forms.ModelForm, metaclass=ServiceFormMeta):  # type: ignore[type-arg] # generic in the stubs alone
    """A form whose row is checked and saved by a service; its errors stand beside the fields."""

    by = ""

    @abstractmethod
    def save_row(self) -> Model:
        """The row as the service has saved it."""

    def clean(self) -> dict[str, Any]:
        super().clean()
        if not self.errors:
            self._try_to_save()
        return self.cleaned_data

    def _try_to_save(self) -> None:
        """Let the service check the fields together, and undo what it writes until the form is saved."""
        try:
            with transaction.atomic():
                self.save_row()
                transaction.set_rollback(True)
        except ValidationError as error:
            for name, reasons in error.message_dict.items():
                place = self.input_of(name, reasons)
                self.add_error(place if place in self.fields else None, reasons)

    def input_of(self, name: str, reasons: Sequence[str]) -> str:
        """The input beside which the errors of a field stand."""
        return name

    def _post_clean(self) -> None:
        """Leave the row as it is: the service sets its fields."""

"""The page of the false-alarm budget: what is promised, expected, spent and left, and by which monitors."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from alerts.budgets.serializers import LARGEST_BUDGET, LEAST_BUDGET
from alerts.budgets.spending import get_brief_standing, get_standing
from drift_detector.screens.asking import go_to
from drift_detector.screens.fragment import Fragment
from drift_detector.screens.screen import Crumb, Screen
from drift_detector.tenancy.admin import actor
from drift_detector.tenancy.models import Scope
from drift_detector.tenancy.site import may
from monitors.budgets.levels import list_model_budgets
from monitors.budgets.services import put_budget


class BudgetForm(forms.Form):
    false_alerts_per_month = forms.FloatField(
        label="False alerts a month that you can bear",
        min_value=LEAST_BUDGET,
        max_value=LARGEST_BUDGET,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )


class BudgetCard(Fragment):
    """The figures of the home page, which asks for them by itself."""

    template_name = "screens/_budget_card.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        promised, spent = get_brief_standing()
        left = max(0.0, promised - spent.false)
        return super().get_context_data(promised=promised, spent=spent, left=left, **kwargs)


class BudgetPage(Screen):
    """Shows the tenant's budget, and sets it."""

    scope_to_post = Scope.ADMIN
    template_name = "screens/budget.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The budget as it stands."""
        return self._show(None)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Set the tenant's budget."""
        form = BudgetForm(request.POST)
        if not form.is_valid():
            return self._show(form)
        put_budget(None, by=actor(request), **form.cleaned_data)
        messages.success(request, "The budget is set. Runs that end from now on keep to it.")
        return go_to(request, "budget")

    def _show(self, form: BudgetForm | None) -> HttpResponse:
        standing = get_standing()
        initial = {"false_alerts_per_month": standing.promised}
        shown = {
            "title": "False-alarm budget",
            "trail": [Crumb("Home", reverse("admin:index")), Crumb("False-alarm budget")],
            "standing": standing,
            "form": form or BudgetForm(initial=initial),
            "may_set": may(self.request, Scope.ADMIN),
            "models": list_model_budgets(),
        }
        return self.render_to_response(self.get_context_data(**shown))

"""All addresses of the service. API paths end without a slash."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView
from rest_framework.routers import SimpleRouter

from alerts.budgets.views import ModelBudgetView, TenantBudgetView
from alerts.channels.views import ChannelViewSet
from alerts.documents.views import DocumentViewSet, ModelDocumentView
from alerts.learning.views import (
    MonitorPrecisionView,
    MonitorSuggestionsView,
    SuggestionViewSet,
)
from alerts.retraining.mlflow_views import MlflowWebhookView, ModelMappingViewSet
from alerts.retraining.views import (
    ModelDeployedView,
    ModelRuleView,
    RetrainingRequestViewSet,
    TenantRuleView,
)
from alerts.routing.views import (
    AlertNotificationsView,
    MaintenanceWindowViewSet,
    NotificationViewSet,
    RouteViewSet,
    SilenceViewSet,
)
from alerts.views import AlertViewSet, DashboardView
from alerts.workflow.views import (
    AcknowledgeView,
    AlertAcknowledgeView,
    AssignView,
    BulkView,
    CommentView,
    ResolveView,
    SnoozeView,
    TimelineView,
)
from detections.backtests.views import BacktestViewSet, MonitorBacktestView
from detections.label_audits.views import (
    LabelAuditLabelsView,
    LabelAuditRowsView,
    LabelAuditView,
    MonitorLabelAuditsView,
)
from detections.outcomes.error_rate_views import MonitorErrorRatesView
from detections.outcomes.views import MonitorDetectorsView, MonitorOutcomesView
from detections.profiles.views import MonitorSeriesView, RunProfileView
from detections.runs.views import DetectionViewSet, MonitorBackfillView, MonitorRunView, RunViewSet
from drift_detector.api.documents import DocsView, DocumentView
from drift_detector.api.keys import KeyViewSet
from drift_detector.api.quota_views import QuotasView
from drift_detector.audit.views import AuditViewSet
from drift_detector.observability.health import healthz, readyz
from drift_detector.observability.metrics import metrics
from drift_detector.tenancy import key_pages, member_pages, openapi  # noqa: F401  (they register their classes)
from drift_detector.tenancy.site import site
from monitors.bad_windows.views import BadWindowView, MonitorBadWindowsView
from monitors.connections.views import StoreConnectionViewSet
from monitors.jobs.views import JobViewSet
from monitors.views import MonitorViewSet

admin.autodiscover()  # here, since of all processes only the web shows pages

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("monitors", MonitorViewSet, basename="monitor")
router.register("jobs", JobViewSet, basename="job")
router.register("runs", RunViewSet, basename="run")
router.register("detections", DetectionViewSet, basename="detection")
router.register("backtests", BacktestViewSet, basename="backtest")
router.register("alerts", AlertViewSet, basename="alert")
router.register("suggestions", SuggestionViewSet, basename="suggestion")
router.register("model-mappings", ModelMappingViewSet, basename="model-mapping")
router.register("retraining-requests", RetrainingRequestViewSet, basename="retraining-request")
router.register("channels", ChannelViewSet, basename="channel")
router.register("routes", RouteViewSet, basename="route")
router.register("silences", SilenceViewSet, basename="silence")
router.register("maintenance-windows", MaintenanceWindowViewSet, basename="maintenance-window")
router.register("connections", StoreConnectionViewSet, basename="connection")
router.register("documents", DocumentViewSet, basename="document")
router.register("keys", KeyViewSet, basename="key")
router.register("notifications", NotificationViewSet, basename="notification")
router.register("audit", AuditViewSet, basename="audit")


class Favicon(RedirectView):
    """Sends browsers that ask for `/favicon.ico` to the picture."""

    def get_redirect_url(self, *args: object, **kwargs: object) -> str:
        return static("screens/favicon.svg")


api: list[URLPattern | URLResolver] = [
    path("alerts/acknowledge/<uuid:pk>", AcknowledgeView.as_view(), name="alert-acknowledge"),
    path("alerts/bulk", BulkView.as_view(), name="alert-bulk"),
    path("alerts/<uuid:pk>/acknowledge", AlertAcknowledgeView.as_view()),
    path("alerts/<uuid:pk>/snooze", SnoozeView.as_view()),
    path("alerts/<uuid:pk>/assign", AssignView.as_view()),
    path("alerts/<uuid:pk>/resolve", ResolveView.as_view()),
    path("alerts/<uuid:pk>/comment", CommentView.as_view()),
    path("alerts/<uuid:pk>/timeline", TimelineView.as_view(), name="alert-timeline"),
    path(
        "alerts/<uuid:pk>/notifications",
        AlertNotificationsView.as_view(),
        name="alert-notifications",
    ),
    path("monitors/<uuid:pk>/run", MonitorRunView.as_view(), name="monitor-run"),
    path("monitors/<uuid:pk>/backfill", MonitorBackfillView.as_view(), name="monitor-backfill"),
    path("monitors/<uuid:pk>/backtest", MonitorBacktestView.as_view(), name="monitor-backtest"),
    path("monitors/<uuid:pk>/outcomes", MonitorOutcomesView.as_view(), name="monitor-outcomes"),
    path("monitors/<uuid:pk>/detectors", MonitorDetectorsView.as_view(), name="monitor-detectors"),
    path(
        "monitors/<uuid:pk>/error-rates",
        MonitorErrorRatesView.as_view(),
        name="monitor-error-rates",
    ),
    path("monitors/<uuid:pk>/series", MonitorSeriesView.as_view(), name="monitor-series"),
    path("runs/<uuid:pk>/profile", RunProfileView.as_view(), name="run-profile"),
    path(
        "monitors/<uuid:pk>/bad-windows",
        MonitorBadWindowsView.as_view(),
        name="monitor-bad-windows",
    ),
    path("bad-windows/<uuid:pk>", BadWindowView.as_view(), name="bad-window"),
    path(
        "monitors/<uuid:pk>/label-audits",
        MonitorLabelAuditsView.as_view(),
        name="monitor-label-audits",
    ),
    path("label-audits/<uuid:pk>", LabelAuditView.as_view(), name="label-audit"),
    path("label-audits/<uuid:pk>/rows", LabelAuditRowsView.as_view(), name="label-audit-rows"),
    path(
        "label-audits/<uuid:pk>/labels",
        LabelAuditLabelsView.as_view(),
        name="label-audit-labels",
    ),
    path("monitors/<uuid:pk>/precision", MonitorPrecisionView.as_view(), name="monitor-precision"),
    path(
        "monitors/<uuid:pk>/suggestions",
        MonitorSuggestionsView.as_view(),
        name="monitor-suggestions",
    ),
    path("retraining-rule", TenantRuleView.as_view(), name="retraining-rule"),
    path("models/<uuid:pk>/retraining-rule", ModelRuleView.as_view(), name="model-retraining-rule"),
    path("models/<uuid:pk>/deployed", ModelDeployedView.as_view(), name="model-deployed"),
    path("integrations/mlflow/<uuid:pk>", MlflowWebhookView.as_view(), name="mlflow-webhook"),
    path("budget", TenantBudgetView.as_view(), name="budget"),
    path("models/<uuid:pk>/budget", ModelBudgetView.as_view(), name="model-budget"),
    path("models/<uuid:pk>/document", ModelDocumentView.as_view(), name="model-document"),
    path("dashboard", DashboardView.as_view(), name="dashboard"),
    path("quotas", QuotasView.as_view(), name="quotas"),
    path("schema", DocumentView.as_view(), name="schema"),
    path("docs", DocsView.as_view(), name="docs"),
    path("", include(router.urls)),
]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", include("drift_detector.tenancy.sign_in.urls")),
    path("admin/", include("drift_detector.screens.urls")),
    path("admin/", site.urls),
    path("api/v1/", include(api)),
    path("api/v1/", RedirectView.as_view(pattern_name="docs")),
    path("api/v1", RedirectView.as_view(pattern_name="docs")),
    path("docs", RedirectView.as_view(pattern_name="docs")),
    path("favicon.ico", Favicon.as_view()),
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
]

handler400 = "drift_detector.api.problems.bad_request"
handler403 = "drift_detector.api.problems.forbidden"
handler404 = "drift_detector.api.problems.not_found"
handler500 = "drift_detector.api.problems.server_error"

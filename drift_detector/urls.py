"""All addresses of the service. API paths end without a slash."""

from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularSwaggerView
from rest_framework.routers import SimpleRouter

from alerts.views import AcknowledgeView, AlertViewSet, DashboardView
from detections.backtests.views import BacktestViewSet, MonitorBacktestView
from detections.outcomes.error_rate_views import MonitorErrorRatesView
from detections.outcomes.views import MonitorDetectorsView, MonitorOutcomesView
from detections.profiles.views import MonitorSeriesView, RunProfileView
from detections.runs.views import DetectionViewSet, MonitorBackfillView, MonitorRunView, RunViewSet
from drift_detector.api.documents import DocumentView
from drift_detector.api.quotas import QuotasView
from drift_detector.observability.health import healthz, readyz
from drift_detector.observability.metrics import metrics
from drift_detector.tenancy.site import site
from monitors.jobs.views import JobViewSet
from monitors.views import MonitorViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("monitors", MonitorViewSet, basename="monitor")
router.register("jobs", JobViewSet, basename="job")
router.register("runs", RunViewSet, basename="run")
router.register("detections", DetectionViewSet, basename="detection")
router.register("backtests", BacktestViewSet, basename="backtest")
router.register("alerts", AlertViewSet, basename="alert")

api: list[URLPattern | URLResolver] = [
    path("alerts/acknowledge/<uuid:pk>", AcknowledgeView.as_view(), name="alert-acknowledge"),
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
    path("dashboard", DashboardView.as_view(), name="dashboard"),
    path("quotas", QuotasView.as_view(), name="quotas"),
    path("schema", DocumentView.as_view(), name="schema"),
    path("docs", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("", include(router.urls)),
]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", site.urls),
    path("api/v1/", include(api)),
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
]

handler400 = "drift_detector.api.problems.bad_request"
handler403 = "drift_detector.api.problems.forbidden"
handler404 = "drift_detector.api.problems.not_found"
handler500 = "drift_detector.api.problems.server_error"

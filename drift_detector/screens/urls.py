"""The addresses of the pages, under `/admin/`."""

from django.urls import URLPattern, path
from django.views.generic import RedirectView

from drift_detector.screens.alert_page import AlertPage
from drift_detector.screens.baseline_page import BaselinePage
from drift_detector.screens.feature_page import FeaturePage
from drift_detector.screens.home import HomePage
from drift_detector.screens.monitor_page import MonitorHeat, MonitorPage, MonitorWork
from drift_detector.screens.report_page import ReportPage
from drift_detector.screens.run_page import RunPage, RunProgress
from drift_detector.screens.screen import screen
from drift_detector.screens.stream_page import StreamPage

app_name = "screens"
urlpatterns: list[URLPattern] = [
    screen("", HomePage, name="home"),
    screen("monitors/<uuid:pk>/", MonitorPage, name="monitor"),
    screen("monitors/<uuid:pk>/heat/", MonitorHeat, name="monitor-heat"),
    screen("monitors/<uuid:pk>/work/", MonitorWork, name="monitor-work"),
    screen("monitors/<uuid:pk>/feature/", FeaturePage, name="feature"),
    screen("runs/<uuid:pk>/", RunPage, name="run"),
    screen("runs/<uuid:pk>/progress/", RunProgress, name="run-progress"),
    screen("runs/<uuid:pk>/report/", ReportPage, name="report"),
    screen("alerts/<uuid:pk>/", AlertPage, name="alert"),
    screen("streams/<uuid:pk>/", StreamPage, name="stream"),
    path(
        "backtests/<uuid:pk>/",
        RedirectView.as_view(url="/admin/detections/backtest/%(pk)s/change/"),
        name="backtest",
    ),
    screen("baselines/<uuid:pk>/", BaselinePage, name="baseline"),
]

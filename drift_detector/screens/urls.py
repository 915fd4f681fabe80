"""The addresses of the pages, under `/admin/`."""

from django.urls import URLPattern, path
from django.views.generic import RedirectView

from drift_detector.screens.feature_page import FeaturePage
from drift_detector.screens.home import HomePage
from drift_detector.screens.monitor_page import MonitorHeat, MonitorPage, MonitorWork
from drift_detector.screens.run_page import RunPage, RunProgress
from drift_detector.screens.screen import screen

app_name = "screens"
urlpatterns: list[URLPattern] = [
    screen("", HomePage, name="home"),
    screen("monitors/<uuid:pk>/", MonitorPage, name="monitor"),
    screen("monitors/<uuid:pk>/heat/", MonitorHeat, name="monitor-heat"),
    screen("monitors/<uuid:pk>/work/", MonitorWork, name="monitor-work"),
    screen("monitors/<uuid:pk>/feature/", FeaturePage, name="feature"),
    screen("runs/<uuid:pk>/", RunPage, name="run"),
    screen("runs/<uuid:pk>/progress/", RunProgress, name="run-progress"),
    path(
        "alerts/<uuid:pk>/",
        RedirectView.as_view(url="/admin/alerts/alert/%(pk)s/change/"),
        name="alert",
    ),
    path(
        "streams/<uuid:pk>/",
        RedirectView.as_view(url="/admin/detections/detectorstate/"),
        name="stream",
    ),
    path(
        "backtests/<uuid:pk>/",
        RedirectView.as_view(url="/admin/detections/backtest/%(pk)s/change/"),
        name="backtest",
    ),
    path(
        "baselines/<uuid:pk>/",
        RedirectView.as_view(url="/admin/monitors/baseline/%(pk)s/change/"),
        name="baseline",
    ),
]

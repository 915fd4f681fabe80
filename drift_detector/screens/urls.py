"""The addresses of the pages, under `/admin/`."""

from django.urls import URLPattern, path
from django.views.generic import RedirectView

from drift_detector.screens.feature_page import FeaturePage
from drift_detector.screens.home import HomePage
from drift_detector.screens.screen import screen

app_name = "screens"
urlpatterns: list[URLPattern] = [
    screen("", HomePage, name="home"),
    path(
        "monitors/<uuid:pk>/",
        RedirectView.as_view(url="/admin/monitors/monitor/%(pk)s/change/"),
        name="monitor",
    ),
    screen("monitors/<uuid:pk>/feature/", FeaturePage, name="feature"),
    path(
        "runs/<uuid:pk>/",
        RedirectView.as_view(url="/admin/detections/detectionrun/%(pk)s/change/"),
        name="run",
    ),
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

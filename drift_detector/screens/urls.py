"""The addresses of the pages, under `/admin/`."""

from django.urls import URLPattern, path
from django.views.generic import RedirectView

from drift_detector.screens.backtest_form import NewBacktestPage
from drift_detector.screens.backtest_page import BacktestPage
from drift_detector.screens.feature_page import FeaturePage
from drift_detector.screens.screen import screen
from drift_detector.screens.tune_page import TunePage
from drift_detector.screens.wizard.check_pages import CheckPage, StartPage
from drift_detector.screens.wizard.columns_page import ColumnsPage, SchedulePart
from drift_detector.screens.wizard.place_page import PlacePage

app_name = "screens"
urlpatterns: list[URLPattern] = [
    screen("monitors/new/", PlacePage, name="new_monitor"),
    screen("monitors/new/schedule/", SchedulePart, name="schedule_part"),
    screen("monitors/new/data/<uuid:listing_id>/", PlacePage, name="new_monitor_place"),
    screen("monitors/new/columns/<uuid:sample_id>/", ColumnsPage, name="new_monitor_columns"),
    screen(
        "monitors/new/check/<uuid:sample_id>/<uuid:preview_id>/",
        CheckPage,
        name="new_monitor_check",
    ),
    screen(
        "monitors/new/start/<uuid:sample_id>/<uuid:creation_id>/",
        StartPage,
        name="new_monitor_start",
    ),
    screen("monitors/<uuid:pk>/tune/", TunePage, name="tune"),
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
    screen("backtests/new/", NewBacktestPage, name="new_backtest"),
    screen("backtests/<uuid:pk>/", BacktestPage, name="backtest"),
    path(
        "baselines/<uuid:pk>/",
        RedirectView.as_view(url="/admin/monitors/baseline/%(pk)s/change/"),
        name="baseline",
    ),
]

"""The addresses of the pages, under `/admin/`."""

from django.urls import URLPattern

from drift_detector.screens.alert_page import AlertPage
from drift_detector.screens.backtest_form import NewBacktestPage
from drift_detector.screens.backtest_page import BacktestPage
from drift_detector.screens.baseline_page import BaselinePage
from drift_detector.screens.budget_page import BudgetCard, BudgetPage
from drift_detector.screens.feature_page import FeaturePage
from drift_detector.screens.home import HomePage
from drift_detector.screens.monitor_page import MonitorHeat, MonitorPage, MonitorWork
from drift_detector.screens.report_page import ReportPage
from drift_detector.screens.run_page import RunPage, RunProgress
from drift_detector.screens.screen import screen
from drift_detector.screens.stream_page import StreamPage
from drift_detector.screens.tune_page import TunePage
from drift_detector.screens.wizard.check_pages import CheckPage, StartPage
from drift_detector.screens.wizard.columns_page import ColumnsPage, SchedulePart
from drift_detector.screens.wizard.place_page import PlacePage

app_name = "screens"
urlpatterns: list[URLPattern] = [
    screen("", HomePage, name="home"),
    screen("budget/", BudgetPage, name="budget"),
    screen("budget/card/", BudgetCard, name="budget-card"),
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
    screen("monitors/<uuid:pk>/", MonitorPage, name="monitor"),
    screen("monitors/<uuid:pk>/heat/", MonitorHeat, name="monitor-heat"),
    screen("monitors/<uuid:pk>/progress/", MonitorWork, name="monitor-work"),
    screen("monitors/<uuid:pk>/feature/", FeaturePage, name="feature"),
    screen("runs/<uuid:pk>/", RunPage, name="run"),
    screen("runs/<uuid:pk>/progress/", RunProgress, name="run-progress"),
    screen("runs/<uuid:pk>/report/", ReportPage, name="report"),
    screen("alerts/<uuid:pk>/", AlertPage, name="alert"),
    screen("streams/<uuid:pk>/", StreamPage, name="stream"),
    screen("backtests/new/", NewBacktestPage, name="new_backtest"),
    screen("backtests/<uuid:pk>/", BacktestPage, name="backtest"),
    screen("baselines/<uuid:pk>/", BaselinePage, name="baseline"),
]

"""The addresses of the pages, under `/admin/`."""

from django.urls import URLPattern

from drift_detector.screens.feature_page import FeaturePage
from drift_detector.screens.screen import screen

app_name = "screens"
urlpatterns: list[URLPattern] = [
    screen("monitors/<uuid:pk>/feature/", FeaturePage, name="feature"),
]

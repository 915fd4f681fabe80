"""Django settings, made from the environment and nothing else."""

import sys
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.http import HttpRequest
from django.templatetags.static import static

from algorithms.version import VERSION
from drift_detector import env
from drift_detector.observability.logging import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
ENV = env.load()

SECRET_KEY = ENV.secret_key.get_secret_value()
DEBUG = ENV.debug
ALLOWED_HOSTS = ENV.allowed_hosts
CSRF_TRUSTED_ORIGINS = ENV.csrf_trusted_origins
SECURE_CONTENT_TYPE_NOSNIFF = True
# A proxy ends TLS before the service; it also leads http to https.
IS_BEHIND_TLS = bool(CSRF_TRUSTED_ORIGINS)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_BEHIND_TLS else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_BEHIND_TLS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if IS_BEHIND_TLS else 0
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # the service speaks for its own host, not for those below it
    "security.W008",  # the proxy redirects
    "security.W021",  # nor may it enter the host in the browsers' lists
]
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    "drift_detector.tenancy",  # first, since its templates stand in for unfold's
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
    "django_celery_beat",
    "django_filters",
    "django_structlog",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drift_detector.events",
    "drift_detector.audit",
    "monitors",
    "detections",
    "alerts",
    "tasks",
    "drift_detector.demo",
    "drift_detector.screens",
]
MIDDLEWARE = [
    "drift_detector.api.leaked_keys.LeakedKeyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "drift_detector.page_policies.PagePolicyMiddleware",
    "drift_detector.observability.metrics.RequestMetricsMiddleware",
    "drift_detector.observability.tracing.RequestSpanMiddleware",
    "drift_detector.page_compression.PageCompressionMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "drift_detector.tenancy.sign_in.session_limits.SessionLimitsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "drift_detector.observability.request_log.RequestIdMiddleware",
    "drift_detector.observability.request_log.RequestLogMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "drift_detector.urls"
WSGI_APPLICATION = "drift_detector.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


def _database(url: str, pool_size: int) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
        "OPTIONS": _database_options(parts.query, pool_size),
        "CONN_HEALTH_CHECKS": True,
    }


def _database_options(query: str, pool_size: int) -> dict[str, Any]:
    options: dict[str, Any] = {"connect_timeout": 5}
    if not ENV.database.through_pgbouncer:  # there, the login has the limit (docs/operations.md)
        # A process that is stopped in a transaction must not hold its locks until its lease runs out.
        silent = f"-c idle_in_transaction_session_timeout={500 * ENV.runs.lease_seconds}ms"
        options["options"] = silent
    options |= dict(parse_qsl(query))
    if pool_size:
        options["pool"] = {"min_size": 0, "max_size": pool_size, "timeout": 10}
    return options


DATABASES = {"default": _database(str(ENV.database.url), ENV.database.pool_size)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "tenancy.User"
# The first one hashes; the others check what older versions have hashed, until the next sign-in.
PASSWORD_HASHERS = [
    "drift_detector.tenancy.sign_in.hashers.Argon2",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 15}},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
]
SESSION_COOKIE_AGE = ENV.sign_in.idle_seconds
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]

# allauth: only a sign-in; its limits are ours, which hold across processes.
ACCOUNT_ADAPTER = "drift_detector.tenancy.sign_in.accounts.AccountAdapter"
ACCOUNT_RATE_LIMITS = False
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_LOGIN_METHODS = {"username"}
SOCIALACCOUNT_ADAPTER = "drift_detector.tenancy.sign_in.provider.ProviderAccounts"
MFA_ADAPTER = "drift_detector.tenancy.sign_in.second_factor.SecondFactorAdapter"
MFA_FORMS = {"authenticate": "drift_detector.tenancy.sign_in.second_factor.CodeForm"}
MFA_TOTP_TOLERANCE = 1  # one step of 30 seconds, for clocks that differ
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
CSRF_FAILURE_VIEW = "drift_detector.api.problems.csrf_failure"

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False
DATETIME_FORMAT = "Y-m-d H:i"

STATIC_URL = "static/"
STATICFILES_DIRS = [("charts", BASE_DIR / "algorithms/charts/css")]
STATIC_ROOT = BASE_DIR / ENV.static_root
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "drift_detector.static_files.HashedFiles"},
}

APPEND_SLASH = False
# One byte more than a body may have: the parsers see that it is too large, and chunked bodies have this length.
DATA_UPLOAD_MAX_MEMORY_SIZE = ENV.data.max_inline_bytes + 1
# No form has a file, so none is ever written to the disk.
DATA_UPLOAD_MAX_NUMBER_FILES = 0

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "drift_detector.tenancy.oidc.bearer_authentication.TokenAuthentication",
        "drift_detector.tenancy.authentication.ApiKeyAuthentication",
        "drift_detector.tenancy.authentication.TenantSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["drift_detector.tenancy.permissions.ScopePermission"],
    "DEFAULT_THROTTLE_CLASSES": ["drift_detector.throttling.request_throttle.RequestThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["drift_detector.api.parsers.CappedJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "drift_detector.api.pagination.NewestFirst",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drift_detector.api.operations.OperationSchema",
    "EXCEPTION_HANDLER": "drift_detector.api.problems.handle_exception",
    "PAGE_SIZE": 50,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "AumOS Drift Detector",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "GET_LIB_DOC_EXCLUDES": "drift_detector.api.operations.undocumented_bases",
    "ENUM_NAME_OVERRIDES": {
        "AlertStatusEnum": "alerts.models.Alert.Status",
        "AlertPhaseEnum": "alerts.models.Alert.Phase",
        "AlertReasonEnum": "alerts.models.Alert.Reason",
        "ChannelKindEnum": "alerts.channels.channel_registry.CHANNEL_KINDS",
        "ColumnKindEnum": ["numeric", "categorical"],
        "DocumentActionEnum": "alerts.documents.document_plans.ACTIONS",
        "LabelAuditKindEnum": "detections.models.LabelAudit.Kind",
        "LabelAuditStatusEnum": ["open", "complete"],
        "PlanMethodEnum": "monitors.setting_fields.METHODS",
        "BacktestStatusEnum": "detections.models.Backtest.Status",
        "BaselineStatusEnum": "monitors.models.Baseline.Status",
        "ConceptMethodEnum": "detections.models.outcomes.CONCEPT_METHODS",
        "NotificationKindEnum": "alerts.models.Notification.Kind",
        "NotificationStatusEnum": "alerts.models.Notification.Status",
        "MethodEnum": "detections.models.METHODS",
        "MonitorStatusEnum": "monitors.models.Monitor.Status",
        "KeyStateEnum": "drift_detector.tenancy.models.KeyState",
        "RoleEnum": "drift_detector.tenancy.models.Role",
        "RunStatusEnum": "detections.models.DetectionRun.Status",
        "ScopeEnum": "drift_detector.tenancy.models.Scope",
        "SeverityEnum": "detections.models.SEVERITIES",
        "VerdictEnum": "detections.models.VERDICTS",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "drift_detector.api.operations.complete_document",
    ],
}

CELERY_BROKER_URL = str(ENV.redis.url)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Lost wake-ups are sent again by the reconciler, so a request never waits long for a broker that is away.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 2 * ENV.runs.time_limit_seconds,
    "socket_connect_timeout": 2,
    "max_retries": 0,
    "socket_timeout": 10,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = ENV.runs.time_limit_seconds
CELERY_TASK_TIME_LIMIT = ENV.runs.time_limit_seconds + 30
CELERY_WORKER_CONSUMER = "tasks.reconnecting:EagerConsumer"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
# A child that has taken half of its memory is replaced: what its allocators keep, its next run would lack.
CELERY_WORKER_MAX_MEMORY_PER_CHILD = ENV.runs.max_child_bytes // 2048 or None
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = ENV.runs.drain_seconds + 5
# Celery would close the pool itself before and after each task; LoggedTask gives the connection back to it instead.
CELERY_DB_REUSE_MAX = sys.maxsize
# A run outlives the loss of its message: the ledger has it, and a message that comes again finds nothing to claim.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
DJANGO_CELERY_BEAT_TZ_AWARE = True

LOGGING_CONFIG = "drift_detector.observability.logging.configure"
LOGGING = logging_config(level=ENV.log.level, format=ENV.log.format)


def _static(name: str, request: HttpRequest) -> str:
    """The address of a static file, once the storage is there to name it."""
    return static(name)


UNFOLD = {
    "SITE_TITLE": "Drift detector",
    "SITE_HEADER": "Drift detector",
    "SITE_SUBHEADER": "drift_detector.tenancy.site.tenant_subheader",
    "SITE_DROPDOWN": "drift_detector.tenancy.site.tenant_choices",
    "SHOW_HISTORY": False,
    "SITE_SYMBOL": "monitoring",
    "SITE_URL": None,  # the pages are the site, so there is none to return to
    "ACCOUNT": {"navigation": "drift_detector.tenancy.site.account_links"},
    "SIDEBAR": {"navigation": "drift_detector.screens.navigation.sidebar"},
    "STYLES": [partial(_static, "charts/charts.css"), partial(_static, "screens/screens.css")],
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": partial(_static, "screens/favicon.svg")}
    ],
}

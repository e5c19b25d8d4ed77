"""All settings, and the only reader of the environment. What is missing or wrong stops the start, all of it at once, with
the variable's name (config/variables.py)."""

import base64
import hashlib
from datetime import timedelta
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from kombu import Exchange, Queue

from config import logs, mpesa_variables, schedule, variables, wiring

BASE_DIR = Path(__file__).resolve().parent.parent
environ.Env.read_env(BASE_DIR / ".env")
env = variables.Variables()

# --- Where this runs -------------------------------------------------------------------------------------------------
PRODUCTION = env.flag("PRODUCTION")
DEBUG = env.flag("DEBUG")
env.must(not (PRODUCTION and DEBUG), "DEBUG must be off when PRODUCTION is on")
SECRET_KEY = env.text(
    "SECRET_KEY", "" if PRODUCTION else "development-only-secret-key-of-more-than-fifty-characters-length"
)
env.must(
    len(SECRET_KEY) >= (50 if PRODUCTION else 1),
    "SECRET_KEY must be 50 random characters or more when PRODUCTION is on",
)
PUBLIC_URL = env.text("PUBLIC_URL", "" if PRODUCTION else "http://127.0.0.1:8000").rstrip("/")
env.must(
    variables.is_site(PUBLIC_URL, https=PRODUCTION),
    "PUBLIC_URL must be https:// and a host, no more: https://pay.example.co.ke (http:// only in development)",
)
ALLOWED_HOSTS = env.listed("ALLOWED_HOSTS", [] if PRODUCTION else ["127.0.0.1", "localhost", "[::1]", "testserver"])
env.must(
    not PRODUCTION or variables.are_hosts_of(ALLOWED_HOSTS, PUBLIC_URL),
    "ALLOWED_HOSTS must name the host of PUBLIC_URL when PRODUCTION is on: pay.example.co.ke",
)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SESSION_DESCRIPTION = env.text("SESSION_DESCRIPTION", "Smiling Steps")  # what a session's push says
SESSION_ANSWER_WITHIN = timedelta(hours=env.whole("SESSION_ANSWER_WITHIN_HOURS", 24))  # after the request
SESSION_ANSWER_BEFORE = timedelta(hours=env.whole("SESSION_ANSWER_BEFORE_HOURS", 2, least=0))  # before the start
SESSION_PAY_WITHIN = timedelta(hours=env.whole("SESSION_PAY_WITHIN_HOURS", 24))  # after approval
BUSINESS_NAME = env.text("BUSINESS_NAME", "Smiling Steps Therapy")
SUPPORT_CONTACT = env.text("SUPPORT_CONTACT", "support@malipo.test")

# --- Keys ------------------------------------------------------------------------------------------------------------


def _keys(name: str) -> list[bytes]:
    """Comma-separated base64 keys of 32 bytes, newest first; in development one derived from SECRET_KEY."""
    texts = env.listed(name)
    if not texts and not PRODUCTION:
        return [hashlib.sha256(f"{name}:{SECRET_KEY}".encode()).digest()]
    try:
        keys = [base64.b64decode(text, validate=True) for text in texts]
    except ValueError:
        keys = []
    env.must(bool(texts), f"{name} is required when PRODUCTION is on: base64 of 32 random bytes")
    env.must(bool(keys) or not texts, f"{name} must be base64")
    env.must(all(len(key) == 32 for key in keys), f"{name} must hold keys of 32 bytes")
    return keys or [b""]


DATA_KEYS = _keys("DATA_KEYS")  # seal phone numbers, bodies, credentials
HASH_KEY = _keys("HASH_KEY")[0]  # finds what is sealed; never changes
HOOK_KEYS = _keys("HOOK_KEYS")  # sign callback URLs: the first signs, all verify
SEAL_KEY = _keys("SEAL_KEY")[0]  # seals the audit trail

# --- Applications ----------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "config.desk.DeskConfig",  # Django's admin, with the site of lib.admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "channels",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "axes",
    "lib",
    "audit",
    "outbox",
    "accounts",
    "ledger",
    "payments",
    "wallet",
    "sessions_booking",
    "notifications",
    "monitoring",
    *([] if PRODUCTION else ["simulator"]),
]
MIDDLEWARE = [
    "config.request_log.middleware",
    "config.proxies.middleware",
    "config.failures.middleware",
    "config.outage.Outage",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # pages on a slow network; pads what it packs, and CSRF tokens are masked
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "config.urls"
HOOKS_ONLY = env.flag("HOOKS_ONLY")
if HOOKS_ONLY:  # processes of their own for M-Pesa's calls: neither a slow page nor a slow M-Pesa can starve them
    ROOT_URLCONF = "config.hook_urls"
    MIDDLEWARE = [
        "config.request_log.middleware",
        "config.proxies.middleware",
        "config.failures.middleware",
        "config.outage.Outage",
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
    ]
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context.site",
            ],
        },
    }
]

# --- Data ------------------------------------------------------------------------------------------------------------
# config/asgi.py sets POOLED: under ASGI every request may be another thread, so connections come from a pool.
POOLED = env.flag("DATABASE_POOL")
DATABASES = {"default": env.database("DATABASE_URL")}
DATABASES["default"].update(
    {
        "ENGINE": "config.database",
        "ATOMIC_REQUESTS": False,
        "CONN_MAX_AGE": 0 if POOLED else 600,
        "CONN_HEALTH_CHECKS": not POOLED,
    }
)
_PGOPTIONS = env.text("PGOPTIONS")
DATABASES["default"]["OPTIONS"] = {
    # A server that has gone without a word is noticed in seconds, not in a quarter of an hour.
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    # Whoever is frozen, or gone without a word, with rows in hand loses them: nothing of ours waits inside a transaction.
    # And whoever hung up does not wait for a lock on: else each who was told to call again leaves a session behind.
    "options": f"-c idle_in_transaction_session_timeout=60s -c client_connection_check_interval=60s {_PGOPTIONS}".strip(),
    **DATABASES["default"].get("OPTIONS", {}),  # what the URL says (sslmode=…) counts
}
if POOLED:
    DATABASES["default"]["OPTIONS"]["pool"] = {"max_size": env.whole("DATABASE_POOL_SIZE", 20), "timeout": 5}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.redis("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
        "KEY_PREFIX": "malipo",
    }
}
SESSION_ENGINE = "accounts.sessions"
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "malipo"},
    }
}

# --- Logs ------------------------------------------------------------------------------------------------------------
LOG_LEVEL = env.one_of("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO")
LOGGING = logs.configuration(production=PRODUCTION, level=LOG_LEVEL)
DEBUG_BODIES = env.flag("DEBUG_BODIES")  # bodies of requests, callbacks and calls, masked

# --- Work ------------------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_TIME_LIMIT = 120
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
    "visibility_timeout": 3600,
    "queue_order_strategy": "priority",  # who takes from several queues empties them in their order
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_DB_REUSE_MAX = 2**31  # tasks before Celery hangs up on the database: config/celery.py sees to connections
# What moves money or asks about it never waits behind news: a queue and a worker of its own (docs/decisions/0008).
CELERY_TASK_QUEUES = [Queue(name, Exchange(name), routing_key=name) for name in schedule.QUEUES]
CELERY_TASK_DEFAULT_QUEUE = CELERY_TASK_DEFAULT_EXCHANGE = CELERY_TASK_DEFAULT_ROUTING_KEY = schedule.NEWS
# Among the news, a backlog of messages to people is taken only where no timed work waits.
CELERY_TASK_ROUTES = {"payments.*": {"queue": schedule.MONEY}, "outbox.*": {"queue": schedule.NEWS, "priority": 6}}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = schedule.TABLE
CELERY_BEAT_MAX_LOOP_INTERVAL = 1

PROVIDERS = wiring.PROVIDERS
PAYABLES = wiring.PAYABLES
DIALECTS = wiring.DIALECTS
REACTIONS = wiring.REACTIONS
OUTBOX_REPEATABLE = wiring.REPEATABLE
OUTBOX_SLOW = wiring.SLOW
OUTBOX_SLOW_RUNS = env.whole("OUTBOX_SLOW_RUNS", 1)  # workers that send mail and SMS at once
WHO_CHANGED = wiring.WHO_CHANGED
PERSONAL_DATA = wiring.PERSONAL_DATA

# --- People ----------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "accounts.backends.RoleBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "accounts:home"
CSRF_FAILURE_VIEW = "lib.returning.form_too_old"
LOGOUT_REDIRECT_URL = "accounts:login"
AXES_FAILURE_LIMIT = env.whole("LOGIN_FAILURE_LIMIT", 5)
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True  # log-ins stand in the audit trail
AXES_LOCKOUT_CALLABLE = "accounts.lockout.locked_out"
AXES_USERNAME_CALLABLE = "accounts.lockout.username"
AXES_CLIENT_IP_CALLABLE = "accounts.lockout.address"
AXES_VERBOSE = False
PASSWORD_RESET_TIMEOUT = 3600
CONSENT_VERSION = "2026-11"

# --- Security --------------------------------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^health/"]  # probes ask on the inside, without TLS
SECURE_HSTS_SECONDS = 31536000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF, PUBLIC_URL.replace("http", "ws", 1)],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")  # whose X-Forwarded-For and X-Forwarded-Proto are believed
if PRODUCTION and TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # config/proxies.py: of those networks only
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
RATE_LIMITS = {  # requests, seconds (SEC-2)
    "change": (env.whole("RATE_LIMIT_CHANGES", 100), 15 * 60),
    "read": (env.whole("RATE_LIMIT_READS", 2000), 15 * 60),
    "refund": (env.whole("RATE_LIMIT_REFUNDS", 10), 15 * 60),
    "sign_up": (env.whole("RATE_LIMIT_SIGN_UPS", 20), 3600),  # by address, as the next
    "password_reset": (env.whole("RATE_LIMIT_PASSWORD_RESETS", 10), 3600),
}
REPORTS_AT_ONCE = env.whole("REPORTS_AT_ONCE", 2)  # CSV files being made for staff; four times as many for payers

# --- API -------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.tokens.Bearer",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["lib.json_bodies.JSONObjectParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["lib.throttle.UserThrottle"],
    "EXCEPTION_HANDLER": "lib.http.api_errors",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
    "UPDATE_LAST_LOGIN": False,
    "USER_ID_CLAIM": "sub",
    "CHECK_REVOKE_TOKEN": True,  # a changed password ends every token
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Malipo API",
    "DESCRIPTION": "M-Pesa payments: start them, follow them, read them. Log in at `/api/auth/token` and send the "
    "access token as `Authorization: Bearer …`. Every error has the shape of `Error`; over a limit of requests (100 "
    "that start or change something, 2,000 that read, in 15 minutes) it is a 429 with `Retry-After`. Live news: the "
    "WebSocket `/ws/payments/<transactionId>/` says `transaction_update` whenever something changed.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,  # what is asked may be described more strictly than what is answered
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "lib.api_shapes.empty_is_not_given",
        "lib.api_shapes.one_of_several_is_needed",
    ],
    "TAGS": [{"name": "Log-in"}, {"name": "Deposits"}, {"name": "Wallet"}, {"name": "M-Pesa"}, {"name": "Sessions"}],
    "ENUM_NAME_OVERRIDES": {
        "SessionStatus": "sessions_booking.api_shapes.SESSION_WORDS",
        "SessionPaymentStatus": "sessions_booking.api_shapes.PAYMENT_WORDS",
        "SessionState": "sessions_booking.api_shapes.STATES",
        "DepositStatus": "wallet.api_shapes.WORDS",
    },
    "SWAGGER_UI_SETTINGS": {"validatorUrl": None, "tryItOutEnabled": True},
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- Pages -----------------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]  # only those of all our texts: Django's own alone would stand among English ones
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Africa/Nairobi"  # how times are shown; they are stored in UTC
STATIC_URL = "static/"
STATIC_ROOT = env.text("STATIC_ROOT", str(BASE_DIR / "staticfiles") if PRODUCTION else "") or None
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = not PRODUCTION
EMAIL_CONFIG = env.email("EMAIL_URL", "consolemail://")
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 20  # seconds
STORED_MAIL = not PRODUCTION and not env.text("EMAIL_URL")  # e-mails are rows, read at /dev/mail/
if STORED_MAIL:
    EMAIL_BACKEND = "notifications.stored_mail.Backend"
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Malipo <no-reply@malipo.test>")

# --- M-Pesa ----------------------------------------------------------------------------------------------------------
MPESA = mpesa_variables.read(env, production_start=PRODUCTION)
env.must(
    not (PRODUCTION and MPESA.base_url),
    "MPESA_BASE_URL points at a simulator: it must not be set when PRODUCTION is on",
)
CALLBACK_ALLOWLIST = env.networks(
    "MPESA_CALLBACK_ALLOWLIST",
    mpesa_variables.SAFARICOM_ADDRESSES + ([] if PRODUCTION else ["127.0.0.0/8", "::1/128"]),
)
OUTBOUND_CALLS = env.whole("OUTBOUND_CALLS", 16)  # calls to M-Pesa at once, per process
CALLBACK_MAX_BYTES = 64 * 1024
# Every waiting time of a payment, in seconds, is multiplied by this: tests run at a twentieth.
TIME_SCALE = env.number("TIME_SCALE", 1.0)
env.must(not PRODUCTION or TIME_SCALE == 1, "TIME_SCALE must be 1 when PRODUCTION is on")
# Longer than Celery lets a task live; where it is scaled at least as long as a mail server is waited for.
OUTBOX_LEASE_S = max(30, 300 * TIME_SCALE)
SIMULATOR_URL = env.text("SIMULATOR_URL", "" if PRODUCTION else "http://127.0.0.1:8100")

# --- SMS -------------------------------------------------------------------------------------------------------------
SMS_BACKEND = env.text("SMS_BACKEND", "" if PRODUCTION else "phones")
env.must(
    SMS_BACKEND in ("", "africas_talking", *([] if PRODUCTION else ["phones"])),
    "SMS_BACKEND must be africas_talking, or empty for none; phones only in development",
)
AFRICASTALKING = {
    "username": env.text("AFRICASTALKING_USERNAME"),
    "api_key": env.text("AFRICASTALKING_API_KEY"),
    "sender": env.text("AFRICASTALKING_SENDER"),
    "url": env.text("AFRICASTALKING_URL", "https://api.africastalking.com").rstrip("/"),
}
env.must(
    SMS_BACKEND != "africas_talking" or bool(AFRICASTALKING["username"] and AFRICASTALKING["api_key"]),
    "AFRICASTALKING_USERNAME and AFRICASTALKING_API_KEY are required when SMS_BACKEND is africas_talking",
)

env.stop_if_wrong()  # the last line: what stands behind it would not be looked at

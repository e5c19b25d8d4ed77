"""The Celery application: a worker for money (`celery -A config worker -Q money`), one for news (`-Q news`), and
`celery -A config beat`. One worker without `-Q` serves both, money first.
"""

import os

from celery import Celery
from celery.signals import setup_logging, task_postrun, task_prerun
from django.db import close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("malipo")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _keep_our_logging(**_: object) -> None:
    """Celery would put its own handlers in place of config/logs.py; being connected is enough to stop it."""


@task_prerun.connect
@task_postrun.connect
def _keep_good_connections(**_: object) -> None:
    """As Django does around a request: a connection that broke or is old is dropped, a good one is kept. Celery would
    hang up before and after each task, and a task of milliseconds begin with a new process of PostgreSQL."""
    close_old_connections()

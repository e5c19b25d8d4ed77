"""Makes `manage.py simulator` known; the only line of the package, with that command, that knows Django."""

from django.apps import AppConfig


class SimulatorConfig(AppConfig):
    name = "simulator"
    verbose_name = "M-Pesa simulator"

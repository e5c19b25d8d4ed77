"""The admin of Django, with a site of our own."""

from django.contrib.admin.apps import AdminConfig


class DeskConfig(AdminConfig):
    default_site = "lib.admin.Desk"

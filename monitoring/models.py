"""Signs of life."""

from django.db import models


class Heartbeat(models.Model):
    """When beat's timer and each worker were last known to work; health reads it."""

    name = models.CharField(max_length=120, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at}"

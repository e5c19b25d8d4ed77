"""Health for load balancers and people: no log-in, nothing personal."""

import time

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from lib import clock
from monitoring import health


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """This process answers; it asks nobody else."""
    return JsonResponse({"status": "ok", "uptime_s": int(time.monotonic() - health.STARTED)})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """503 where this process cannot do its work."""
    status, checks = health.ready(now=clock.now())
    return JsonResponse(health.as_json(status, checks), status=503 if status == "down" else 200)

"""What every template knows."""

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:
    """TEST MODE is shown wherever the current environment is the sandbox (ADM-7)."""
    return {
        "BUSINESS_NAME": settings.BUSINESS_NAME,
        "SUPPORT_CONTACT": settings.SUPPORT_CONTACT,
        "TEST_MODE": settings.MPESA.environment == "sandbox",
        "SIMULATOR_URL": settings.SIMULATOR_URL,
    }

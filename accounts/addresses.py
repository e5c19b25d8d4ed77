"""Where a request comes from, as the limits and the audit trail name it."""

from django.conf import settings
from django.http import HttpRequest

from lib import addresses

UNKNOWN = "unknown"  # a socket that has no address


def client_address(request: HttpRequest) -> str:
    return addresses.client_address(request.META, settings.TRUSTED_PROXIES) or UNKNOWN

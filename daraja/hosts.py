"""Where M-Pesa lives: one host per environment, or a simulator on this machine."""

import ipaddress
from urllib.parse import urlsplit

SANDBOX_URL = "https://sandbox.safaricom.co.ke"
PRODUCTION_URL = "https://api.safaricom.co.ke"
BASE_URLS = {"sandbox": SANDBOX_URL, "production": PRODUCTION_URL}


def is_loopback(host: str) -> bool:
    """localhost, 127.0.0.0/8 or ::1."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def checked(base_url: str) -> str:
    """Scheme and host only, without a slash at the end; plain HTTP on loopback alone. Raises ValueError."""
    parts = urlsplit(base_url.rstrip("/"))
    if not parts.hostname or parts.path or parts.query or parts.fragment or parts.username is not None:
        raise ValueError("M-Pesa's base URL is scheme and host only")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("M-Pesa is spoken to over HTTPS; plain HTTP is for loopback alone")
    return f"{parts.scheme}://{parts.netloc}"

"""Where things are kept: beside the checkout for an ordinary user, under /var/lib/malipo for root.

PostgreSQL refuses to run as root, so there it runs as `nobody`, who may neither enter root's home directory nor
write into the checkout; its files then live in a folder that everybody can enter.
"""

import hashlib
import os
import pwd
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
RUN = CHECKOUT / ".run"  # the runner's own files; ignored by git


class Unusable(Exception):
    """This machine lacks something; the message is one sentence for the developer that says what to do."""


def home() -> Path:
    """The folder of the embedded servers of this checkout, made if need be."""
    folder = RUN
    if os.geteuid() == 0:
        folder = Path("/var/lib/malipo") / hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:12]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError
    except PermissionError:
        raise Unusable(
            f"{folder} cannot be written: it probably belongs to another user. Remove it or change its owner."
        ) from None
    return folder


def server_user() -> pwd.struct_passwd | None:
    """Who runs PostgreSQL: `nobody` when we are root, else ourselves (None)."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        raise Unusable("PostgreSQL does not run as root and there is no user `nobody`: set DATABASE_URL.") from None

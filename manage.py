#!/usr/bin/env python
"""Django's command line. Without DATABASE_URL and REDIS_URL it uses the embedded servers of `dev/`."""

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


def _lend_servers() -> None:
    """Where `dev/` is not shipped (production images), the settings say themselves what is missing."""
    try:
        from dev import servers
        from dev.places import Unusable
    except ModuleNotFoundError as missing:
        if not (missing.name or "").startswith("dev"):
            raise
        return
    try:
        servers.lend()
    except Unusable as refusal:
        sys.exit(str(refusal))


def main() -> None:
    _lend_servers()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

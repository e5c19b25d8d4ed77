"""Before the processes of `make run` start: the database as the code expects it, and the demo rows. Quick when done."""

import os

import django
from django.core.management import call_command, get_commands
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=1)
    for command in sorted(get_commands()):  # `demo` of accounts before any `demo_<app>`
        if command == "demo" or command.startswith("demo_"):
            call_command(command)


if __name__ == "__main__":
    main()

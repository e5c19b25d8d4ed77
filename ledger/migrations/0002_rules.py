"""Journals and transfers are append-only; an account's name and nature never change; one environment per transfer."""

from django.db import migrations

from lib.db import frozen


def same_environment(column, table):
    name = f"transfer_{column}_same_environment"
    return migrations.RunSQL(
        sql=f"""
        ALTER TABLE ledger_transfer ADD CONSTRAINT {name}
            FOREIGN KEY ({column}_id, environment) REFERENCES {table} (id, environment);
        """,
        reverse_sql=f"ALTER TABLE ledger_transfer DROP CONSTRAINT {name};",
    )


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]

    operations = [
        same_environment("journal", "ledger_journal"),
        same_environment("debit", "ledger_account"),
        same_environment("credit", "ledger_account"),
        frozen("ledger_journal"),
        frozen("ledger_transfer"),
        frozen("ledger_account", columns=["id", "environment", "code", "kind", "created_at"]),
    ]

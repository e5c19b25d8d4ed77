"""Entries and seals are only ever added."""

from django.db import migrations

from lib.db import frozen


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [frozen("audit_entry"), frozen("audit_seal"), frozen("audit_sealed_entry")]

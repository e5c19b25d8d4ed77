"""What a delivery says, and to whom, never changes; only the work on it does."""

from django.db import migrations

from lib.db import frozen


class Migration(migrations.Migration):
    dependencies = [("outbox", "0001_initial")]

    operations = [
        frozen(
            "outbox_delivery",
            columns=["id", "topic", "key", "handler", "payload", "again_of_id", "reason", "created_at"],
        ),
    ]

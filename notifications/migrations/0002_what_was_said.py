"""What a person was told, and of what, never changes; only how its sending went, and whether it was read."""

from django.db import migrations

from lib.db import frozen


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial")]

    operations = [
        frozen(
            "notifications_notification",
            columns=[
                "id", "event", "key", "recipient_id", "audience", "channel", "booking_id", "payment_id", "data",
                "created_at", "again_of_id", "reason",
            ],
        ),
    ]

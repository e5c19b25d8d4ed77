"""A wallet stays with its owner and environment: what was paid into it is booked under both."""

from django.db import migrations

from lib.db import frozen


class Migration(migrations.Migration):
    dependencies = [("wallet", "0003_known_environment")]

    operations = [frozen("wallet_wallet", columns=["id", "user_id", "environment"])]

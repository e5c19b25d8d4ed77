"""A deposit pays into its payer's own wallet of its own environment."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("wallet", "0001_initial"), ("payments", "0002_rules")]

    operations = [
        migrations.RunSQL(
            sql="""
            CREATE FUNCTION deposit_into_own_wallet() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NOT EXISTS (
                    SELECT 1 FROM wallet_wallet
                    WHERE id = NEW.target_id AND user_id = NEW.payer_id AND environment = NEW.environment
                ) THEN
                    RAISE EXCEPTION 'deposit_into_own_wallet: wallet % is not of this payer and environment', NEW.target_id
                        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'deposit_into_own_wallet';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER deposit_into_own_wallet BEFORE INSERT ON payments_payment
                FOR EACH ROW WHEN (NEW.purpose = 'deposit') EXECUTE FUNCTION deposit_into_own_wallet();
            """,
            reverse_sql="DROP TRIGGER deposit_into_own_wallet ON payments_payment; DROP FUNCTION deposit_into_own_wallet();",
        )
    ]

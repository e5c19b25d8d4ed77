"""A session is confirmed by a payment for this very session."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("sessions_booking", "0002_rules"), ("payments", "0004_given_back")]

    operations = [
        migrations.RunSQL(
            sql="""
            CREATE FUNCTION booking_paid_by_its_own_payment() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NOT EXISTS (
                    SELECT 1 FROM payments_payment p
                    WHERE p.id = NEW.payment_id AND p.purpose = 'session' AND p.target_id = NEW.id
                ) THEN
                    RAISE EXCEPTION 'booking_paid_by_its_own_payment: payment % is not for this session', NEW.payment_id
                        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'booking_paid_by_its_own_payment';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER booking_paid_by_its_own_payment BEFORE UPDATE ON sessions_booking_booking
                FOR EACH ROW WHEN (NEW.payment_id IS NOT NULL AND NEW.payment_id IS DISTINCT FROM OLD.payment_id)
                EXECUTE FUNCTION booking_paid_by_its_own_payment();
            """,
            reverse_sql="""
            DROP TRIGGER booking_paid_by_its_own_payment ON sessions_booking_booking;
            DROP FUNCTION booking_paid_by_its_own_payment();
            """,
        ),
    ]

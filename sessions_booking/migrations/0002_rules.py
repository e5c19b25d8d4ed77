"""No two live sessions share a therapist's time; sessions move as listed; what was booked stays; a client pays their own."""

from django.db import migrations

from lib.db import frozen
from sessions_booking.states import HOLDS_TIME, MOVES

BOOKED = ["id", "code", "environment", "client_id", "therapist_id", "type_id", "price_cents", "requested_at"]


def quoted(values):
    return ", ".join(repr(str(getattr(value, "value", value))) for value in sorted(values))


ALLOWED = " OR ".join(
    f"(OLD.state = {quoted([old])} AND NEW.state IN ({quoted(new)}))" for old, new in MOVES.items() if new
)


def guard(name, timing, condition, words):
    table = "sessions_booking_booking"
    return migrations.RunSQL(
        sql=f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {condition} THEN
                RAISE EXCEPTION '{name}: {words}'
                    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = '{name}';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER {name} BEFORE {timing} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}();
        """,
        reverse_sql=f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();",
    )


class Migration(migrations.Migration):
    dependencies = [("sessions_booking", "0001_initial"), ("payments", "0002_rules")]

    operations = [
        # GiST takes ranges without an extension; the environment makes test sessions take no real therapist's time.
        migrations.RunSQL(
            sql=f"""
            ALTER TABLE sessions_booking_booking ADD CONSTRAINT booking_one_at_a_time EXCLUDE USING gist (
                int8range(
                    therapist_id * 2 + CASE environment WHEN 'production' THEN 1 ELSE 0 END,
                    therapist_id * 2 + CASE environment WHEN 'production' THEN 1 ELSE 0 END, '[]'
                ) WITH &&,
                tstzrange(starts_at, ends_at) WITH &&
            ) WHERE (state IN ({quoted(HOLDS_TIME)}));
            """,
            reverse_sql="ALTER TABLE sessions_booking_booking DROP CONSTRAINT booking_one_at_a_time;",
        ),
        migrations.RunSQL(
            sql="""
            ALTER TABLE sessions_booking_sessiontype ADD CONSTRAINT session_type_whole_shillings
                CHECK (price_cents % 100 = 0);
            ALTER TABLE sessions_booking_booking ADD CONSTRAINT booking_whole_shillings
                CHECK (price_cents BETWEEN 100 AND 25000000 AND price_cents % 100 = 0);
            """,
            reverse_sql="""
            ALTER TABLE sessions_booking_sessiontype DROP CONSTRAINT session_type_whole_shillings;
            ALTER TABLE sessions_booking_booking DROP CONSTRAINT booking_whole_shillings;
            """,
        ),
        guard(
            "booking_moves_as_listed", "UPDATE",
            f"NEW.state IS DISTINCT FROM OLD.state AND NOT ({ALLOWED})",
            "a session does not move like this",
        ),
        guard(
            "booking_begins_pending", "INSERT", "NEW.state <> 'PENDING'", "a session begins with a client asking for it"
        ),
        guard(
            "booking_paid_once", "UPDATE",
            "OLD.payment_id IS NOT NULL AND NEW.payment_id IS DISTINCT FROM OLD.payment_id",
            "a session that was paid stays paid by that payment",
        ),
        frozen("sessions_booking_booking", columns=BOOKED),
        migrations.RunSQL(
            sql="""
            CREATE FUNCTION session_paid_by_its_client() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NOT EXISTS (
                    SELECT 1 FROM sessions_booking_booking b
                    JOIN sessions_booking_therapist t ON t.id = b.therapist_id
                    WHERE b.id = NEW.target_id AND b.client_id = NEW.payer_id AND b.environment = NEW.environment
                        AND b.price_cents = NEW.amount_cents AND t.user_id = NEW.counterparty_id
                        AND b.state = 'APPROVED'
                ) THEN
                    RAISE EXCEPTION 'session_paid_by_its_client: session % is not approved, or not this payer''s at this price',
                        NEW.target_id
                        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'session_paid_by_its_client';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER session_paid_by_its_client BEFORE INSERT ON payments_payment
                FOR EACH ROW WHEN (NEW.purpose = 'session') EXECUTE FUNCTION session_paid_by_its_client();
            """,
            reverse_sql="DROP TRIGGER session_paid_by_its_client ON payments_payment; DROP FUNCTION session_paid_by_its_client();",
        ),
    ]

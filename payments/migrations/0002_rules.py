"""What is known is append-only, what was asked never changes, status only rises, one environment per payment."""

from django.db import migrations

from lib.db import frozen
from payments.states import Status

ASKED = [
    "id", "transaction_id", "environment", "provider", "purpose", "target_id", "payer_id", "counterparty_id",
    "merchant_id", "amount_cents", "currency", "phone_hash", "phone_tail", "account_reference", "description",
    "idempotency_key", "fingerprint", "initiated_at",
]
LOT_TOLD = [
    "id", "environment", "receipt", "amount_cents", "source", "shortcode", "reference", "checkout_hash", "phone_hash",
    "occurred_at", "recorded_at",
]
CALLBACK_TOLD = [
    "id", "kind", "environment", "submission", "verdict", "verdict_reason", "path", "address", "body_sealed", "size",
    "received_at",
]


def rank(column):
    return f"array_position(ARRAY[{', '.join(repr(str(status.value)) for status in Status)}]::text[], {column}::text)"


def guard(name, table, condition, words):
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
        CREATE TRIGGER {name} BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}();
        """,
        reverse_sql=f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();",
    )


def same_environment(name, table, column, parent):
    return migrations.RunSQL(
        sql=f"""
        ALTER TABLE {table} ADD CONSTRAINT {name}
            FOREIGN KEY ({column}, environment) REFERENCES {parent} (id, environment);
        """,
        reverse_sql=f"ALTER TABLE {table} DROP CONSTRAINT {name};",
    )


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial")]

    operations = [
        frozen("payments_paymentfact"),
        frozen("payments_exchange"),
        frozen("payments_lot", columns=LOT_TOLD),
        frozen("payments_callback", columns=CALLBACK_TOLD),
        frozen("payments_payment", columns=ASKED),
        guard(
            "lot_payment_set_once", "payments_lot",
            "OLD.payment_id IS NOT NULL AND NEW.payment_id IS DISTINCT FROM OLD.payment_id",
            "a lot stays with its payment",
        ),
        guard(
            "payment_status_rises", "payments_payment",
            f"NEW.status IS DISTINCT FROM OLD.status AND {rank('NEW.status')} < {rank('OLD.status')}",
            "a status only rises",
        ),
        guard(
            "payment_answer_once", "payments_payment",
            "OLD.answer <> '' AND NEW.answer IS DISTINCT FROM OLD.answer",
            "what the thing answered is recorded once",
        ),
        same_environment("lot_same_environment", "payments_lot", "payment_id", "payments_payment"),
        same_environment("payment_merchant_same_environment", "payments_payment", "merchant_id", "payments_merchant"),
    ]

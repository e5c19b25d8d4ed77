"""What was given for a payment may be given back, once; its worth is then owed to the payer."""

from django.db import migrations, models

ANSWERED_ONCE = """
CREATE OR REPLACE FUNCTION payment_answer_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.answer <> '' AND NEW.answer IS DISTINCT FROM OLD.answer {unless} THEN
        RAISE EXCEPTION 'payment_answer_once: what the thing answered is recorded once'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payment_answer_once';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0003_words_that_can_be_read'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='paymentfact',
            name='fact_kind_known',
        ),
        migrations.RemoveConstraint(
            model_name='paymentfact',
            name='fact_doubt_known',
        ),
        migrations.AlterField(
            model_name='payment',
            name='answer',
            field=models.CharField(blank=True, choices=[('', 'Not asked yet'), ('GIVEN', 'Given'), ('REFUSED', 'Could not be given: the money is owed to the payer'), ('RETURNED', 'Given, and given back since: the money is owed to the payer')], default='', max_length=8),
        ),
        migrations.AlterField(
            model_name='paymentfact',
            name='kind',
            field=models.CharField(choices=[('SENT', 'SENT'), ('REFUSED', 'REFUSED'), ('LOST', 'LOST'), ('ACCEPTED', 'ACCEPTED'), ('SUCCEEDED', 'SUCCEEDED'), ('FAILED', 'FAILED'), ('CANCELLED', 'CANCELLED'), ('UNRESOLVED', 'UNRESOLVED'), ('REVERSED', 'REVERSED'), ('RETURNED', 'RETURNED'), ('CLOSED', 'CLOSED'), ('DOUBTED', 'DOUBTED'), ('ANSWERED', 'ANSWERED')], max_length=10),
        ),
        migrations.AddConstraint(
            model_name='paymentfact',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['SENT', 'REFUSED', 'LOST', 'ACCEPTED', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'UNRESOLVED', 'REVERSED', 'RETURNED', 'CLOSED', 'DOUBTED', 'ANSWERED'])), name='fact_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='paymentfact',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'DOUBTED'), _negated=True), ('code__in', ['ODD_AMOUNT', 'SEVERAL_LOTS', 'CONTRADICTION', 'UNKNOWN_RESULT', 'NOT_GIVEN', 'REVERSED', 'RETURNED', 'FOREIGN_CHECKOUT', 'ODD_DATE', 'RECEIPT_CLASH']), _connector='OR'), name='fact_doubt_known'),
        ),
        migrations.RunSQL(
            sql=ANSWERED_ONCE.format(unless="AND NOT (OLD.answer = 'GIVEN' AND NEW.answer = 'RETURNED')"),
            reverse_sql=ANSWERED_ONCE.format(unless=""),
        ),
    ]

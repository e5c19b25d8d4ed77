"""A request is held for its therapist's answer until a deadline; nothing is released before its deadline."""

import django.db.models.functions.text
import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sessions_booking', '0005_exceptions_within_reach'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='reminder',
            name='reminder_kind_known',
        ),
        migrations.RemoveIndex(
            model_name='booking',
            name='booking_unanswered',
        ),
        migrations.AddField(
            model_name='booking',
            name='answer_by',
            field=models.DateTimeField(help_text="until when a request is held for its therapist's answer", null=True),
        ),
        # Those that were asked for before there was a deadline get one from now on.
        migrations.RunSQL(
            sql="""
            UPDATE sessions_booking_booking SET answer_by = LEAST(
                starts_at, now() + interval '24 hours',
                GREATEST(starts_at - interval '2 hours', now() + (starts_at - now()) / 2)
            ) WHERE state = 'PENDING';
            """,
            reverse_sql=migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            model_name='reminder',
            name='kind',
            field=models.CharField(choices=[('24h', '24h'), ('1h', '1h'), ('answer', 'answer')], max_length=6),
        ),
        migrations.AlterField(
            model_name='reminder',
            name='state',
            field=models.CharField(choices=[('WAITING', 'Will be sent when its time comes'), ('SENT', 'Was handed to the notifications'), ('OFF', 'Its session ended or was answered, or its time had passed when it was made')], default='WAITING', max_length=7),
        ),
        migrations.AddIndex(
            model_name='booking',
            index=models.Index(condition=models.Q(('state', 'PENDING')), fields=['answer_by'], name='booking_unanswered'),
        ),
        migrations.AddConstraint(
            model_name='booking',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'PENDING'), _negated=True), models.Q(('answer_by__isnull', False), ('answer_by__lte', models.F('starts_at'))), _connector='OR'), name='booking_asked_until'),
        ),
        migrations.AddConstraint(
            model_name='reminder',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['24h', '1h', 'answer'])), name='reminder_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='therapist',
            constraint=models.CheckConstraint(condition=django.db.models.lookups.LessThanOrEqual(django.db.models.functions.text.Length('bio'), 2000), name='therapist_bio_bounded'),
        ),
        migrations.RunSQL(
            sql="""
            CREATE FUNCTION booking_held_until_its_deadline() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION 'booking_held_until_its_deadline: session % is held for longer', OLD.code
                    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'booking_held_until_its_deadline';
            END $$;
            CREATE TRIGGER booking_held_until_its_deadline BEFORE UPDATE ON sessions_booking_booking FOR EACH ROW
                WHEN (NEW.state = 'EXPIRED' AND (
                    (OLD.state = 'PENDING' AND NEW.changed_at < OLD.answer_by)
                    OR (OLD.state = 'APPROVED' AND NEW.changed_at < OLD.pay_by)
                ))
                EXECUTE FUNCTION booking_held_until_its_deadline();
            """,
            reverse_sql="""
            DROP TRIGGER booking_held_until_its_deadline ON sessions_booking_booking;
            DROP FUNCTION booking_held_until_its_deadline();
            """,
        ),
    ]

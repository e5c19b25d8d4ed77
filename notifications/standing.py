"""How a notification stands: said by itself where it was sent or skipped, else by its delivery in the outbox."""

from typing import Any

from django.db import models
from django.db.models import Case, F, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Cast, Coalesce, Concat
from django.utils.translation import gettext_lazy as _

from notifications.announcing import HANDLER, TOPIC
from notifications.models import Channel, Notification
from outbox.models import Delivery, State


class Standing(models.TextChoices):
    WAITING = "WAITING", _("Waiting to be sent")
    SENT = "SENT", _("Sent")
    SKIPPED = "SKIPPED", _("Not sent, for a reason")
    FAILED = "FAILED", _("Certainly not sent, not tried again by itself")
    DOUBTFUL = "DOUBTFUL", _("Perhaps sent: only a person sends it again")


MAY_BE_SENT_AGAIN = frozenset({Standing.FAILED, Standing.DOUBTFUL})


def with_standing(rows: "QuerySet[Notification]") -> Any:
    """The rows, each with `standing`, `attempts` and `last_error`; one query."""
    key = Concat(Value("notification:"), Cast(OuterRef("pk"), models.CharField()))
    mine = Delivery.objects.filter(topic=TOPIC, handler=HANDLER, key=key)
    return rows.annotate(
        delivery_state=Subquery(mine.values("state")[:1]),
        attempts=Subquery(mine.values("attempts")[:1]),
        last_error=Coalesce(Subquery(mine.values("last_error")[:1]), Value(""), output_field=models.TextField()),
    ).annotate(
        standing=Case(
            When(~models.Q(skipped=""), then=Value(Standing.SKIPPED.value)),
            When(sent_at__isnull=False, then=Value(Standing.SENT.value)),
            When(channel=Channel.IN_APP, then=Value(Standing.SENT.value)),
            When(delivery_state__in=[State.FAILED, State.DOUBTFUL], then=F("delivery_state")),
            default=Value(Standing.WAITING.value),
            output_field=models.CharField(),
        )
    )

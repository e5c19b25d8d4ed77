"""The page on which a person sends again."""

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client
from django.urls import reverse

from outbox import box
from outbox.models import Delivery, State
from outbox.tests.test_box import HERE, NOW

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("NOT-2")]
LIST = "admin:outbox_delivery_changelist"


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("admin@malipo.test", "x"))
    return client


def doubtful() -> Delivery:
    with transaction.atomic():
        box.publish(topic="t", key="k", payload={}, handlers=[f"{HERE}.breaks"])
    box.deliver_due(now=NOW, limit=1)
    return Delivery.objects.get()


def send_again(client: Client, delivery: Delivery, reason: str) -> str:
    data = {"action": "send_again", "_selected_action": [delivery.pk], "reason": reason}
    return client.post(reverse(LIST), data, follow=True).content.decode()


def test_sending_again_from_the_list(admin: Client) -> None:
    delivery = doubtful()
    assert "Please say why it should be sent again." in send_again(admin, delivery, "")
    assert "T k will be sent again." in send_again(admin, delivery, "the payer asked")
    assert "and only once" in send_again(admin, delivery, "the payer asked")
    assert Delivery.objects.filter(again_of=delivery, state=State.WAITING).count() == 1


def test_nothing_else_can_be_done(admin: Client) -> None:
    delivery = doubtful()
    assert admin.get(reverse("admin:outbox_delivery_change", args=[delivery.pk])).status_code == 200
    assert admin.get(reverse("admin:outbox_delivery_add")).status_code == 403
    assert admin.post(reverse("admin:outbox_delivery_delete", args=[delivery.pk])).status_code == 403

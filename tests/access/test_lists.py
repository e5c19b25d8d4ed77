"""Every list of the admin: thirty rows cost the queries of one (OPS-6). Lists of pages have tests beside them."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit import seal, trail
from lib import clock
from notifications.models import Audience, Channel, Notification
from payments.models import Exchange, Payment
from payments.tests import bodies, factories

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("OPS-6")]
LISTS = sorted(model._meta.label_lower for model in admin.site._registry)


def live_through(number: int) -> None:
    """A payer, what they paid, and all that is written about it."""
    payment = factories.prompted(factories.UserFactory(name=f"Payer {number}"))
    told = bodies.success(factories.checkout_of(payment.pk), receipt=f"UKLIST{number}")
    factories.callback(payment, told, now=factories.later(19))
    factories.tell(payment, factories.lot(f"UKLIST{number}", 150_000), now=factories.later(20))
    Exchange.objects.create(environment="sandbox", type="STK_PUSH", payment_id=payment.pk, created_at=clock.now())
    Notification.objects.create(
        event="payment.completed", key=str(number), recipient=payment.payer, audience=Audience.PAYER,
        channel=Channel.IN_APP, payment=payment, created_at=clock.now(),
    )  # fmt: skip
    trail.record(action="lists.walked", actor=f"user:{payment.payer_id}", subject=f"payment:{payment.transaction_id}")
    seal.seal_new(now=clock.now())


def queries_of(browser: Client, name: str) -> int:
    address = reverse(f"admin:{name.replace('.', '_')}_changelist")
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(address).status_code == 200, address
    return len(queries)


def test_every_list_of_the_admin_costs_the_same_for_one_row_and_for_thirty() -> None:
    browser = Client()
    browser.force_login(factories.UserFactory(role="ADMIN"), backend="accounts.backends.RoleBackend")
    live_through(0)
    for name in LISTS:  # what a first look alone asks
        queries_of(browser, name)
    one = {name: queries_of(browser, name) for name in LISTS}
    for number in range(1, 30):
        live_through(number)
    assert Payment.objects.count() == 30
    assert {name: queries_of(browser, name) for name in LISTS} == one

"""Every line of the plan has its words, and they say what they should and nothing more."""

import re

import pytest
from django.conf import settings

from lib import phone
from notifications import events, mails, words
from notifications.models import Channel
from notifications.plan import LINES, PLAN
from notifications.sms import gsm
from notifications.tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("NOT-1")]


@pytest.mark.parametrize(("event", "audience", "channel"), LINES)
def test_every_line_of_the_plan_has_its_words(event, audience, channel) -> None:
    row = factories.one(event, audience, channel)
    said = words.words(row)
    assert said.title
    assert said.paragraphs
    assert said.action
    assert said.url.startswith("/")
    whole = " ".join([said.title, *said.paragraphs, said.action])
    assert "  " not in whole
    assert "None" not in whole
    assert phone.mask_all(whole) == whole


@pytest.mark.requirement("SEC-4")
@pytest.mark.parametrize(("event", "audience", "channel"), [line for line in LINES if line[1] == "therapist"])
def test_a_client_without_a_name_is_no_e_mail_address_to_the_therapist(event, audience, channel) -> None:
    row = factories.one(event, audience, channel)
    row.booking.client.name = ""
    said = words.words(row)
    whole = " ".join([said.title, *said.paragraphs, *said.more, *(value for _label, value in said.facts)])
    assert row.booking.client.email not in whole


@pytest.mark.parametrize(("event", "audience", "channel"), [line for line in LINES if line[2] is Channel.SMS])
@pytest.mark.parametrize("kind", ["24h", "1h"])
def test_an_sms_is_one_neutral_sms(event, audience, channel, kind: str) -> None:
    row = factories.one(event, audience, channel, data={"kind": kind})
    text = words.sms(row)
    assert gsm.fits(text)
    assert text.startswith("Smiling Steps: your ")
    assert "appointment" in text
    assert "EAT" in text
    assert text.endswith(settings.PUBLIC_URL + words.link(row))
    for private in ("erap", "session with", row.booking.therapist.name, row.booking.client.name, "678"):
        assert private not in text.removesuffix(words.link(row))


def test_a_long_address_is_left_out_of_an_sms(settings) -> None:
    settings.PUBLIC_URL = "https://" + "a" * 120 + ".example.co.ke"
    row = factories.one("session.reminder", *_client_sms())
    assert gsm.fits(words.sms(row))
    assert "https" not in words.sms(row)


def _client_sms():
    return next((audience, channel) for event, audience, channel in LINES if channel is Channel.SMS)


@pytest.mark.parametrize(("event", "audience", "channel"), [line for line in LINES if line[2] is Channel.EMAIL])
def test_a_mail_is_text_and_html_with_an_address_to_go_on(event, audience, channel) -> None:
    row = factories.one(event, audience, channel)
    mail = mails.compose(row)
    html, kind = mail.alternatives[0]
    assert kind == "text/html"
    for body in (mail.body, html):
        assert f"{settings.PUBLIC_URL}{words.link(row)}" in body
        assert settings.BUSINESS_NAME in body
        assert phone.mask_all(body) == body
    assert mail.to == [row.recipient.email]
    assert "\n" not in mail.subject


def test_a_name_cannot_write_html_or_another_subject() -> None:
    row = factories.one(*next(line for line in LINES if line[0] == "session.requested" and line[2] is Channel.EMAIL))
    row.booking.client.name = "<b>Eve</b>\nBcc: all@malipo.test"
    mail = mails.compose(row)
    assert "\n" not in mail.subject
    html = mail.alternatives[0][0]
    assert "<b>" not in html
    assert "&lt;b&gt;Eve&lt;/b&gt; Bcc" in html
    assert "<b>Eve</b> Bcc" in mail.body


def test_an_approval_says_how_to_pay_and_by_when() -> None:
    row = factories.one(*next(line for line in LINES if line[0] == "session.approved" and line[2] is Channel.EMAIL))
    mail = mails.compose(row)
    assert f"/sessions/{row.booking.code}/pay/" in mail.body
    assert "Pay with M-Pesa" in mail.body
    assert "KES 2,500" in mail.body
    assert words.long_time(row.booking.pay_by) in mail.body
    assert "East Africa Time" in mail.body


def test_a_receipt_mail_carries_the_receipt() -> None:
    for event in ("payment.completed", "payment.receipt"):
        row = factories.one(event, *next(line[1:] for line in LINES if line[0] == event and line[2] is Channel.EMAIL))
        mail = mails.compose(row)
        assert row.payment.receipt in mail.subject
        assert re.search(rf"M-Pesa receipt: {row.payment.receipt}\n", mail.body)
        assert settings.BUSINESS_NAME in mail.body


def test_each_topic_of_the_plan_has_its_reaction_and_no_other() -> None:
    wired = {topic: handlers for topic, handlers in settings.REACTIONS.items() if "notifications." in str(handlers)}
    assert sorted(wired) == sorted(PLAN)
    for topic, handlers in wired.items():
        assert handlers == [f"notifications.events.{topic.replace('.', '_')}"]
        assert callable(getattr(events, topic.replace(".", "_")))

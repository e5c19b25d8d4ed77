"""Whatever strangers send us, staff can read: the pages that show a callback never break, and show no phone number."""

import re

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from accounts.roles import Role
from payments.models import Callback
from tests.fuzz import effort, scene, wire
from tests.fuzz.callback_bodies import NOISE, Sentence, sentences, spoilt
from tests.fuzz.test_callbacks import ROUTES, Fuzzed

pytestmark = [pytest.mark.requirement("TST-3"), pytest.mark.requirement("SEC-4")]


class TestStaffReadsIt(Fuzzed):
    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        cls.staff = User.objects.create_user("finance@malipo.test", None, role=Role.FINANCE)

    @effort.share(6)
    @given(data=st.data(), own=st.booleans())
    def test_its_pages(self, data: st.DataObject, own: bool) -> None:
        effort.tried["callbacks that staff reads"] += 1
        whose = scene.whose(self.mine)
        raw = data.draw(sentences(whose).map(Sentence.raw) | spoilt(whose) | NOISE)
        with scene.as_configured():
            wire.post(f"/hooks/{scene.token_of(self.mine)}" if own else ROUTES[0], raw)
            scene.drain()
        browser = Client()
        browser.force_login(self.staff, backend="accounts.backends.RoleBackend")
        callback = Callback.objects.get()
        for page in (
            f"/admin/payments/callback/{callback.pk}/change/",
            "/admin/payments/callback/",
            f"/admin/payments/payment/{self.mine.pk}/change/",
        ):
            answer = browser.get(page)
            assert answer.status_code == 200
            assert not re.search(rf"(?<!\d){whose.phone}(?!\d)", answer.content.decode())

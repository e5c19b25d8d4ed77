"""Any body, any header, at every address that M-Pesa calls: answered as CB-1 says, kept, and believed only as far as
it proves itself. The oracle is a fold of what was sent, which knows nothing of how the product reads it."""

from typing import Any

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from lib import clock
from payments import timing
from payments.models import Callback, LotRow, Payment
from payments.tests import factories
from payments.urls import DOCUMENTED_CALLBACKS
from tests.fuzz import effort, scene, wire
from tests.fuzz.callback_bodies import LIMIT, NOISE, RECEIPTS, Sentence, Whose, sentences, spoilt

pytestmark = [pytest.mark.requirement("CB-1"), pytest.mark.requirement("TST-3")]
ORDER = ["PROMPTED", "FAILED", "CANCELLED", "COMPLETED"]
CHECKOUTS = st.from_regex(r"ws_CO_[0-9]{26,29}", fullmatch=True) | st.text(
    st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=128
)
ROUTES = [f"/{route}" for route in DOCUMENTED_CALLBACKS]


class Fuzzed(TestCase):
    """Two payments wait for their callbacks; every example finds them so."""

    @classmethod
    def setUpTestData(cls) -> None:
        cls.mine = factories.prompted(now=clock.now())
        cls.other = factories.prompted(now=clock.now())

    def tearDown(self) -> None:
        scene.books_hold()


def deliver(url: str, raw: bytes, **how: Any) -> str:
    """Post it; the answer must be one of the two that there are for an honest callback. What it was: kept or large."""
    answer = scene.said(wire.post(url, raw, **how))
    if len(raw) > LIMIT:
        assert answer == (413, scene.TOO_LARGE)
        return "large"
    assert answer == (200, scene.SUCCESS)
    return "kept"


@pytest.mark.requirement("CB-3")
@pytest.mark.requirement("CB-4")
@pytest.mark.requirement("CB-5")
class TestSentences(Fuzzed):
    """What M-Pesa really says, several times, in any order, about one payment."""

    @effort.share(10)
    @given(data=st.data())
    def test_the_payment_ends_as_it_was_told(self, data: st.DataObject) -> None:
        effort.tried["sentences of M-Pesa"] += 1
        before = scene.snapshot(self.other)
        told = data.draw(st.lists(sentences(scene.whose(self.mine)), min_size=1, max_size=4))
        with scene.as_configured():
            for one in told:
                self._say(one, data)
                if data.draw(st.booleans()):
                    scene.drain()
            scene.drain()
        assert scene.snapshot(self.other) == before
        self._ended_as(told)

    def _say(self, one: Sentence, data: st.DataObject) -> None:
        raw = one.raw(ensure_ascii=data.draw(st.booleans()), indent=data.draw(st.sampled_from([None, 2])))
        if data.draw(st.booleans()):
            deliver(f"/hooks/{scene.token_of(self.mine)}", raw)
        else:
            route = data.draw(st.sampled_from(ROUTES))
            deliver(route, raw, HTTP_X_MPESA_SIGNATURE=wire.signature(raw))

    def _ended_as(self, told: list[Sentence]) -> None:
        heard = [one for one in told if not one.wrong_phone]
        receipts = {one.receipt for one in heard if one.receipt}
        row = Payment.objects.get(pk=self.mine.pk)
        assert row.status == max(["PROMPTED", *(one.status for one in heard)], key=ORDER.index)
        assert {*LotRow.objects.values_list("receipt", "amount_cents")} == {(r, RECEIPTS[r]) for r in receipts}
        assert row.received_cents == sum(RECEIPTS[receipt] for receipt in receipts)
        assert len(scene.security_events()) == len(told) - len(heard)


@pytest.mark.requirement("CB-2")
@pytest.mark.requirement("CB-6")
class TestSpoilt(Fuzzed):
    """M-Pesa's shapes with something wrong, and noise: at the payment's own address, or signed at a documented one."""

    @effort.share(20)
    @given(data=st.data(), origin=wire.genuine(), kind=wire.CONTENT_TYPES, headers=wire.HEADERS)
    def test_nothing_is_believed_that_is_not_there(
        self, data: st.DataObject, origin: wire.Origin, kind: str, headers: dict[str, str]
    ) -> None:
        effort.tried["spoilt bodies"] += 1
        raw = data.draw(spoilt(scene.whose(self.mine)) | NOISE)
        before = scene.snapshot(self.other)
        with scene.as_configured(origin), override_settings(DEBUG_BODIES=data.draw(st.booleans())):
            for _ in range(data.draw(st.integers(1, 2))):
                self._post(raw, data, origin=origin, kind=kind, **headers)
            scene.drain()
        assert scene.snapshot(self.other) == before
        assert {(verdict, body) for verdict, _, body in scene.stored()} == {("TRUSTED", raw)}
        assert {*LotRow.objects.values_list("receipt", "amount_cents")} <= scene.money_told(raw)
        assert LotRow.objects.count() <= 1
        row = Payment.objects.get(pk=self.mine.pk)
        assert row.status in ORDER
        paid = row.status == "COMPLETED"
        assert scene.says_success(raw) or not paid
        lots = sum(LotRow.objects.values_list("amount_cents", flat=True))
        assert row.received_cents == (lots or paid * row.amount_cents)  # a success without receipt: awaited

    def _post(self, raw: bytes, data: st.DataObject, **how: Any) -> None:
        if data.draw(st.booleans()):
            url = f"/hooks/{scene.token_of(self.mine)}"
        else:
            url = data.draw(st.sampled_from(ROUTES))
            how["HTTP_X_MPESA_SIGNATURE"] = wire.signature(raw)
        assert deliver(url, raw, **how) == "kept"


@pytest.mark.requirement("CB-2")
@pytest.mark.requirement("SEC-7")
class TestUnproven(Fuzzed):
    """Neither token nor signature, or a stranger's address: kept and answered, but it moves nothing by itself."""

    @effort.share(10)
    @given(data=st.data(), origin=wire.spoofed(), kind=wire.CONTENT_TYPES, headers=wire.HEADERS)
    def test_it_moves_nothing(
        self, data: st.DataObject, origin: wire.Origin, kind: str, headers: dict[str, str]
    ) -> None:
        effort.tried["unproven callbacks"] += 1
        raw = data.draw(sentences(scene.whose(self.mine)).map(Sentence.raw) | spoilt(scene.whose(self.mine)) | NOISE)
        before, money = (scene.snapshot(self.mine), scene.snapshot(self.other)), scene.moved()
        url, proof = data.draw(st.sampled_from(["token", "signature", "none"])), {}
        if url == "signature":
            proof = {"HTTP_X_MPESA_SIGNATURE": wire.signature(raw)}
        if url == "none":
            origin = data.draw(wire.genuine())
        where = f"/hooks/{scene.token_of(self.mine)}" if url == "token" else data.draw(st.sampled_from(ROUTES))
        with scene.as_configured(origin):
            assert deliver(where, raw, origin=origin, kind=kind, **headers, **proof) == "kept"
            scene.drain()
        assert (scene.snapshot(self.mine), scene.snapshot(self.other)) == before
        assert scene.moved() == money
        assert [(verdict, body) for verdict, _, body in scene.stored()] == [("DOUBTFUL", raw)]
        events = [event for event in scene.security_events() if event != "security.callback_mismatch"]
        assert events == ([] if url == "none" else ["security.callback_off_list"])


@pytest.mark.requirement("CB-7")
class TestUnknownRequests(Fuzzed):
    """Proven, but about a request that nobody made: asked about as often as planned, then left to a person."""

    @effort.share(2)
    @given(data=st.data())
    def test_it_is_not_asked_about_for_ever(self, data: st.DataObject) -> None:
        effort.tried["unknown requests"] += 1
        nobody = Whose(data.draw(CHECKOUTS), "254700000001")
        raw = data.draw(sentences(nobody).map(Sentence.raw) | spoilt(nobody))
        before, money = (scene.snapshot(self.mine), scene.snapshot(self.other)), scene.moved()
        with scene.as_configured(), scene.m_pesa_is_away():
            deliver(data.draw(st.sampled_from(ROUTES)), raw, HTTP_X_MPESA_SIGNATURE=wire.signature(raw))
            scene.drain()
            asked = scene.ask_until_quiet()
        assert asked <= len(timing.QUERIES)
        assert Callback.objects.get().state in ("DONE", "STUCK")
        assert (scene.snapshot(self.mine), scene.snapshot(self.other), scene.moved()) == (*before, money)


class TestSizes(Fuzzed):
    """64 kB are kept whole, one byte more is refused, and only its size and address are written down."""

    @effort.share(2)
    @given(
        size=st.integers(LIMIT - 2, LIMIT + 2) | st.integers(LIMIT + 1, 4 * LIMIT),
        fill=st.sampled_from([b" ", b"[", b"\x00", b"\xff", b"9"]),
        where=st.sampled_from([None, *ROUTES]),
    )
    def test_a_large_body(self, size: int, fill: bytes, where: str | None) -> None:
        effort.tried["large bodies"] += 1
        address = wire.stranger()
        before, raw = scene.snapshot(self.mine), fill * size
        with scene.as_configured():
            url = where or f"/hooks/{scene.token_of(self.mine)}"
            result = deliver(url, raw, origin=wire.Origin(address))
            scene.drain()
        assert result == ("kept" if size <= LIMIT else "large")
        assert [body for _, _, body in scene.stored()] == ([raw] if result == "kept" else [])
        proven = [] if where else ["security.callback_off_list"]  # by its token, but from a stranger's address
        assert scene.security_events() == (proven if result == "kept" else ["security.callback_too_large"])
        assert scene.snapshot(self.mine) == before


class TestLengths(Fuzzed):
    """What a client says about the length of its body is its own business."""

    @effort.share(2)
    @given(
        length=st.sampled_from(["", "0", "-1", "x", "1e3", "007", "\u0663", "\xb2", " 5"]),
        where=st.sampled_from([None, *ROUTES]),
        logged=st.booleans(),
    )
    def test_a_length_that_is_none(self, length: str, where: str | None, logged: bool) -> None:
        effort.tried["lengths that are none"] += 1
        raw = b'{"Body": 1}'
        with scene.as_configured(), override_settings(DEBUG_BODIES=logged):
            answer = wire.post(where or f"/hooks/{scene.token_of(self.mine)}", raw, CONTENT_LENGTH=length)
            scene.drain()
        assert scene.said(answer) == (200, scene.SUCCESS)
        assert Callback.objects.get().size <= len(raw)

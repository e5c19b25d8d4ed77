"""Callbacks by somebody who is not M-Pesa, and knows all but our keys: none is accepted, each is a security event."""

import base64
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from payments.models import Callback
from tests.fuzz import effort, scene, wire
from tests.fuzz.callback_bodies import NOISE, Sentence, sentences, spoilt
from tests.fuzz.test_callbacks import ROUTES, Fuzzed

pytestmark = [
    pytest.mark.requirement("CB-2"),
    pytest.mark.requirement("P20"),
    pytest.mark.requirement("P46"),
    pytest.mark.requirement("TST-3"),
]
_MAC = 32  # hex digits at the end of a token
_ODD = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="/?#%\\"), min_size=1, max_size=8)


@st.composite
def wrong_tokens(draw: st.DrawFn, mine: str, other: str) -> str:
    """Made of real ones: of this payment's, of another's."""
    at, text = draw(st.integers(1, len(mine) - 1)), draw(_ODD)
    digit = draw(st.sampled_from("0123456789abcdef"))
    made = {
        "cut": mine[:at],
        "cut before": mine[at:],
        "longer": mine + text,
        "longer before": text + mine,
        "upper case": mine.upper(),
        "one letter in upper case": mine[:at] + mine[at].upper() + mine[at + 1 :],
        "a digit": mine[:at] + digit + mine[at + 1 :],
        "noise within": (mine[:at] + text + mine[at:])[: len(mine)],
        "the other's signature": mine[:-_MAC] + other[-_MAC:],
        "the other's head": other[:-_MAC] + mine[-_MAC:],
        "no signature": mine[:-_MAC] + "0" * _MAC,
        "turned around": mine[::-1],
        "twice": mine + mine,
    }
    token = draw(st.sampled_from(sorted(made.values())))
    assume(token not in (mine, other))
    return token


@st.composite
def wrong_signatures(draw: st.DrawFn, raw: bytes) -> str:
    """Of another body, of another key, or not a whole one."""
    right = wire.signature(raw)
    at = draw(st.integers(0, len(right) - 1))
    made = [
        right[:at],
        right.rstrip("="),
        right + "=",
        right + ", " + right,
        right.swapcase(),
        base64.b64decode(right).hex(),
        "sha256=" + right,
        wire.signature(raw + b" "),
        wire.signature(b""),
        wire.signature(raw, "another secret"),
        wire.signature(raw, ""),
    ]
    wrong = draw(st.sampled_from(made) | st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=50))
    assume(wrong != right)
    return wrong


class Forged(Fuzzed):
    """What every forgery must come to."""

    def body(self, data: st.DataObject) -> bytes:
        whose = scene.whose(data.draw(st.sampled_from([self.mine, self.other])))
        return data.draw(sentences(whose).map(Sentence.raw) | spoilt(whose) | NOISE)

    def refused(self, data: st.DataObject, url: str, raw: bytes, **headers: str) -> None:
        """From wherever it comes: from M-Pesa's own address, or from one that claims to be it."""
        origin = data.draw(wire.genuine() | wire.spoofed())
        before, money = (scene.snapshot(self.mine), scene.snapshot(self.other)), scene.moved()
        with scene.as_configured(origin):
            assert scene.said(wire.post(url, raw, origin=origin, **headers)) == (403, scene.REJECTED)
            scene.drain()
        assert [(verdict, body) for verdict, _, body in scene.stored()] == [("FORGED", raw)]
        assert scene.security_events() == ["security.callback_forged"]
        assert (scene.snapshot(self.mine), scene.snapshot(self.other), scene.moved()) == (*before, money)
        assert not Callback.objects.exclude(state="DONE").exists()


class TestTokens(Forged):
    @effort.share(8)
    @given(data=st.data())
    def test_a_token_that_is_not_ours(self, data: st.DataObject) -> None:
        effort.tried["forged tokens"] += 1
        token = data.draw(wrong_tokens(scene.token_of(self.mine), scene.token_of(self.other)))
        self.refused(data, f"/hooks/{token}", self.body(data))

    @effort.share(4)
    @given(data=st.data())
    def test_another_payments_token(self, data: st.DataObject) -> None:
        """Its owner may know it: their own payment's. The body is about mine, so nothing is believed."""
        effort.tried["another payment's token"] += 1
        raw = data.draw(sentences(scene.whose(self.mine))).raw()
        before, money = (scene.snapshot(self.mine), scene.snapshot(self.other)), scene.moved()
        with scene.as_configured():
            answer = wire.post(f"/hooks/{scene.token_of(self.other)}", raw)
            scene.drain()
        assert scene.said(answer) == (200, scene.SUCCESS)
        assert scene.security_events() == ["security.callback_mismatch"]
        assert (scene.snapshot(self.mine), scene.snapshot(self.other), scene.moved()) == (*before, money)


class TestSignatures(Forged):
    @effort.share(8)
    @given(data=st.data(), route=st.sampled_from(ROUTES))
    def test_a_signature_that_is_not_right(self, data: st.DataObject, route: str) -> None:
        effort.tried["forged signatures"] += 1
        raw = self.body(data)
        self.refused(data, route, raw, HTTP_X_MPESA_SIGNATURE=data.draw(wrong_signatures(raw)))

    @effort.share(4)
    @given(data=st.data(), route=st.sampled_from(ROUTES), spoil=st.sampled_from([bytes.upper, bytes.strip, None]))
    def test_a_signature_heard_before(
        self, data: st.DataObject, route: str, spoil: Callable[[bytes], bytes] | None
    ) -> None:
        """Of a callback that was genuine, now under another body. The genuine one again is a duplicate, and no more."""
        effort.tried["replayed signatures"] += 1
        genuine = data.draw(sentences(scene.whose(self.other))).raw()
        heard = {"HTTP_X_MPESA_SIGNATURE": wire.signature(genuine)}
        forged = data.draw(sentences(scene.whose(self.mine))).raw()
        forged = spoil(forged) + b" " if spoil else forged.replace(b":", b" :")
        with scene.as_configured():
            assert scene.said(wire.post(route, genuine, **heard)) == (200, scene.SUCCESS)
            scene.drain()
            before, events = (scene.snapshot(self.mine), scene.snapshot(self.other)), scene.security_events()
            assert scene.said(wire.post(route, forged, **heard)) == (403, scene.REJECTED)
            assert scene.said(wire.post(route, genuine, **heard)) == (200, scene.SUCCESS)
            scene.drain()
        assert [verdict for verdict, _, _ in scene.stored()] == ["TRUSTED", "FORGED", "TRUSTED"]
        assert "security.callback_forged" in scene.security_events()[len(events) :]
        assert (scene.snapshot(self.mine), scene.snapshot(self.other)) == before

"""What is sealed can be read by us alone, where it was put, unchanged (SEC-4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import crypto

OLD, NEW = crypto.new_key(), crypto.new_key()


@given(plain=st.binary(max_size=200), context=st.text(st.characters(codec="utf-8"), max_size=20))
@pytest.mark.requirement("SEC-4")
def test_sealed_and_opened(plain: bytes, context: str) -> None:
    ring = crypto.Keyring([OLD])
    sealed = ring.seal(plain, context=context)
    assert ring.open(sealed, context=context) == plain
    assert ring.open(memoryview(sealed), context=context) == plain  # type: ignore[arg-type]
    assert sealed != ring.seal(plain, context=context), "equal texts can not be told by their seals"


def test_a_key_is_changed_by_putting_a_new_one_in_front() -> None:
    sealed = crypto.Keyring([OLD]).seal(b"text", context="c")
    both = crypto.Keyring([NEW, OLD])
    assert both.open(sealed, context="c") == b"text"
    with pytest.raises(crypto.Unreadable):
        crypto.Keyring([OLD]).open(both.seal(b"text", context="c"), context="c")


def test_a_sealed_value_cannot_be_moved() -> None:
    ring = crypto.Keyring([OLD])
    with pytest.raises(crypto.Unreadable):
        ring.open(ring.seal(b"text", context="row 1"), context="row 2")


@given(st.integers(0, 31), st.integers(1, 255))
def test_a_changed_byte_is_seen(position: int, change: int) -> None:
    ring = crypto.Keyring([OLD])
    sealed = bytearray(ring.seal(b"text", context="c"))
    sealed[position] ^= change
    with pytest.raises(crypto.Unreadable):
        ring.open(bytes(sealed), context="c")


@given(st.binary(max_size=60))
def test_bytes_that_were_never_sealed_are_unreadable(sealed: bytes) -> None:
    with pytest.raises(crypto.Unreadable):
        crypto.Keyring([OLD, NEW]).open(sealed, context="c")


@pytest.mark.parametrize("keys", [[], [b"short"], [OLD, b""]])
def test_bad_keys_are_refused(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        crypto.Keyring(keys)


@given(st.text(), st.text())
def test_keyed_hashes(left: str, right: str) -> None:
    def hashed(value: str, *, key: bytes = OLD, purpose: str = "phone") -> str:
        return crypto.keyed_hash(value, key=key, purpose=purpose)

    assert len(hashed(left)) == 64
    assert (hashed(left) == hashed(right)) is (left == right)
    assert len({hashed(left), hashed(left, key=NEW), hashed(left, purpose="checkout")}) == 3


@given(st.text() | st.binary(), st.text() | st.binary())
def test_comparing_takes_anything(left: str | bytes, right: str | bytes) -> None:
    assert crypto.same(left, left)
    if type(left) is type(right):
        assert crypto.same(left, right) is (left == right)


def test_signatures() -> None:
    assert len(crypto.signature(b"body", key=OLD)) == 32
    assert crypto.signature(b"body", key=OLD) != crypto.signature(b"body", key=NEW)

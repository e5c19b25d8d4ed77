"""Ruling 4: the callback URL of a submission, which nobody can guess."""

import re

import pytest
from django.conf import settings as current
from hypothesis import given
from hypothesis import strategies as st

from payments import hooks
from payments.hooks import Hook

pytestmark = pytest.mark.requirement("CB-2")
HOOKS = st.builds(
    Hook,
    kind=st.just("STK"),
    environment=st.sampled_from(["sandbox", "production"]),
    payment_id=st.integers(1, 2**63 - 1),
    submission=st.integers(1, 2**15 - 1),
)
REFUSED_BY_MPESA = re.compile("m-?pesa|safaricom|exe|cmd|sql|query", re.IGNORECASE)


@given(HOOKS)
def test_what_we_sign_we_read_again(hook: Hook) -> None:
    assert hooks.read(hooks.token(hook)) == hook


@given(HOOKS)
def test_an_address_has_no_word_that_mpesa_refuses(hook: Hook) -> None:
    url = hooks.url(hook)
    assert url.startswith(f"{current.PUBLIC_URL}/hooks/")
    assert re.fullmatch("[0-9a-f]{56}", url.rpartition("/")[2])
    assert not REFUSED_BY_MPESA.search(url)


@given(HOOKS, st.integers(0, 28 * 8 - 1))
def test_one_bit_is_enough_to_be_no_token(hook: Hook, bit: int) -> None:
    raw = int(hooks.token(hook), 16) ^ (1 << bit)
    assert hooks.read(f"{raw:056x}") is None


@given(st.text(max_size=60) | st.text(alphabet="0123456789abcdefABCDEF ", min_size=56, max_size=56))
def test_other_texts_are_no_tokens(text: str) -> None:
    assert hooks.read(text) is None


def test_a_token_has_one_spelling() -> None:
    assert hooks.read(hooks.token(Hook("STK", "sandbox", 10, 1)).upper()) is None


def test_environments_and_submissions_have_tokens_of_their_own() -> None:
    one = Hook("STK", "sandbox", 7, 1)
    others = [Hook("STK", "production", 7, 1), Hook("STK", "sandbox", 7, 2), Hook("STK", "sandbox", 8, 1)]
    assert len({hooks.token(hook) for hook in (one, *others)}) == 4


def test_keys_change_without_losing_what_is_on_its_way(settings) -> None:
    hook = Hook("STK", "sandbox", 7, 1)
    old, new = b"o" * 32, b"n" * 32
    settings.HOOK_KEYS = [old]
    before = hooks.token(hook)
    settings.HOOK_KEYS = [new, old]
    assert hooks.token(hook) != before
    assert hooks.read(before) == hooks.read(hooks.token(hook)) == hook
    settings.HOOK_KEYS = [new]
    assert hooks.read(before) is None


@pytest.mark.parametrize("place", [0, 1])
def test_a_kind_or_environment_of_another_release_is_not_read(place: int) -> None:
    head = bytearray(hooks._head(Hook("STK", "sandbox", 7, 1)))
    head[place] = 99
    token = (bytes(head) + hooks._mac(bytes(head), current.HOOK_KEYS[0])).hex()
    assert hooks.read(token) is None

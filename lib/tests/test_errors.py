from lib.errors import Refusal


def test_a_refusal_says_what_and_what_next() -> None:
    errors = {"amount": ["Too small"]}
    refusal = Refusal("invalid_amount", "Please give more", status=422, errors=errors, retry_after=30)
    assert str(refusal) == refusal.message == "Please give more"
    assert (refusal.code, refusal.status, refusal.retry_after) == ("invalid_amount", 422, 30)
    assert refusal.errors == errors
    assert refusal.errors is not errors


def test_the_least_of_a_refusal() -> None:
    refusal = Refusal("gone", "It is gone")
    assert (refusal.status, refusal.errors, refusal.retry_after) == (400, {}, None)

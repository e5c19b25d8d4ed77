"""What Safaricom does now this way, now that, and every waiting time: one table (daraja.md 16).

`POST /_sim/faults {"switches": {...}}` changes them while the simulator runs, `POST /_sim/reset` puts them back.
Times are seconds; all but `latency_s` and `token_life_s` are multiplied by the time scale.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any


def _switch(default: Any, meaning: str, *allowed: object) -> Any:
    return dataclasses.field(default=default, metadata={"meaning": meaning, "allowed": allowed})


@dataclasses.dataclass
class Switches:
    # Waiting times
    magic_end_s: float = _switch(1.0, "a number that ends by itself does so after this")
    prompt_life_s: float = _switch(60.0, "an unanswered prompt runs out after this")
    spacing_s: float = _switch(60.0, "the least time between two pushes to one phone")
    same_amount_s: float = _switch(120.0, "the same amount to one phone within this ends in 17")
    late_s: float = _switch(130.0, "fault 03: news come this long after the push was accepted")
    contradiction_s: float = _switch(40.0, "fault 07: the callback comes this long after the payment")
    gap_s: float = _switch(1.0, "faults 11, 13 and 14: between the first callback and the second")
    callback_delay_s: float = _switch(0.0, "between the end of a prompt and its callback")
    callback_retry_s: float = _switch(5.0, "between two deliveries of a callback that was not answered 200")
    token_life_s: int = _switch(3599, "life of an access token, not scaled")
    latency_s: float = _switch(0.0, "every API answer is held back for this, not scaled")
    # Conflicting reports
    callback_retries: int = _switch(0, "how often a callback is sent again that was not answered 200")
    expiry_code: str = _switch("1037", "how an unanswered prompt ends", "1037", "1032", "1019")
    same_amount_counts: str = _switch("pushes", "what the rule of code 17 looks back at", "pushes", "paid")
    pending_form: str = _switch("4999", "query of an open prompt: 4999 on HTTP 200, or HTTP 500", "4999", "500")
    unknown_form: str = _switch("500", "query of an unknown id: HTTP 500 or 400", "500", "400")
    unknown_for_s: float = _switch(0.0, "for so long after a push the query says that it does not exist")
    balance_item: str = _switch("valueless", "the Balance item of a success callback", "valueless", "absent")
    result_code_type: str = _switch("number", "ResultCode in callbacks", "number", "string")
    result_desc_prefix: str = _switch("", "put before ResultDesc in failure callbacks, as in [STK_CB - ]")
    masked_phone: bool = _switch(False, "PhoneNumber in callbacks is masked")
    expires_in_type: str = _switch("string", "expires_in of a token", "string", "number")
    new_token_ends_old: bool = _switch(False, "a new token ends the ones before it")
    token_error_status: int = _switch(404, "HTTP status of 404.001.03", 404, 401, 400)
    spike_status: int = _switch(500, "HTTP status of a spike arrest", 500, 429)
    spike_envelope: str = _switch("gateway", "the body of a spike arrest", "gateway", "apigee")
    long_reference: bool = _switch(True, "an AccountReference of more than 12 characters is accepted")
    description_required: bool = _switch(True, "a push without TransactionDesc is refused (Invalid Remarks)")
    forbidden_words: bool = _switch(True, "callback URLs with mpesa, safaricom, exe, cmd, sql, query are refused")
    plain_http: str = _switch("loopback", "callback URLs over plain HTTP are accepted for", "loopback", "any", "none")
    handsets: str = _switch("prompt", "other numbers are prompted, or killed with E3008", "prompt", "e3008")
    # Ours
    refusals: int = _switch(2, "faults 08 and 10: so many pushes to the number are refused, the next ones pass")
    failure_before_success: str = _switch("1032", "fault 14: the code of the first callback")
    deliver_outside: bool = _switch(False, "callbacks are also sent to hosts other than this machine")


class WrongSwitch(ValueError):
    """The name or the value of a switch is wrong; the text says which and what is allowed."""


SWITCHES = {field.name: field for field in dataclasses.fields(Switches)}


def changed(switches: Switches, values: Mapping[str, object]) -> Switches:
    """A copy with these values. Raises WrongSwitch."""
    checked: dict[str, Any] = {name: _checked(name, value) for name, value in values.items()}
    return dataclasses.replace(switches, **checked)


def described(switches: Switches) -> dict[str, dict[str, object]]:
    return {name: {"value": getattr(switches, name), **field.metadata} for name, field in SWITCHES.items()}


def _checked(name: str, value: object) -> object:
    field = SWITCHES.get(name)
    if field is None:
        raise WrongSwitch(f"there is no switch {name!r}; there are: {', '.join(SWITCHES)}")
    allowed = field.metadata["allowed"]
    if allowed and value not in allowed:
        raise WrongSwitch(f"{name} must be one of {', '.join(map(str, allowed))}")
    expected = type(field.default)
    if expected is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not expected or (isinstance(value, float | int) and value < 0):
        raise WrongSwitch(f"{name} must be a {expected.__name__}, not negative")
    return value

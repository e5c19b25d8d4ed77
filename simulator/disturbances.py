"""What `POST /_sim/faults` can ask for: a fault for a number, a refusal for an API, a switch."""

from collections.abc import Mapping
from typing import Any

from lib.phone import normalise
from simulator.apis import APIS
from simulator.faults import FAULTS
from simulator.refusals import REFUSALS, Outage
from simulator.switches import changed
from simulator.world import World


class Unknown(ValueError):
    """There is no such fault, API or refusal; the text says which there are."""


_KEYS = ("phone", "fault", "api", "refuse", "times", "switches")


def change(world: World, asked: Mapping[str, Any]) -> None:
    """Any of `{"phone": …, "fault": "05"|null}`, `{"api": …, "refuse": …|null, "times": n}`, `{"switches": {…}}`.

    Raises Unknown, Refusal (a wrong phone) and WrongSwitch; then nothing has changed."""
    _known("key", next((key for key in asked if key not in _KEYS), None), _KEYS)
    switches = asked.get("switches", {})
    if not isinstance(switches, Mapping):
        raise Unknown("switches must be an object")
    new = changed(world.switches, switches)
    if "fault" in asked:
        _give_fault(world, normalise(asked.get("phone")), asked["fault"])
    if "refuse" in asked:
        _refuse(world, asked.get("api"), asked["refuse"], asked.get("times", 0))
    world.switches = new


def _give_fault(world: World, number: str, fault: str | None) -> None:
    _known("fault", fault, FAULTS)
    world.faults.pop(number, None)
    world.refused.pop(number, None)
    world.refused_tokens.pop(number, None)
    if fault is not None:
        world.faults[number] = fault


def _refuse(world: World, api: object, name: str | None, times: object) -> None:
    names = {each.name for each in APIS}
    _known("refusal", name, REFUSALS)
    if api != "all" and (api is None or api not in names):
        raise Unknown(f"api must be all or one of {', '.join(sorted(names))}")
    if isinstance(times, bool) or not isinstance(times, int) or times < 0:
        raise Unknown("times must be a whole number; 0 means until a reset")
    for each in names if api == "all" else {str(api)}:
        world.outages.pop(each, None)
        if name is not None:
            world.outages[each] = Outage(name, times, times)


def _known(what: str, value: object, table: Mapping[str, object] | tuple[str, ...]) -> None:
    if value is not None and value not in list(table):
        raise Unknown(f"there is no {what} {value!r}; there are: {', '.join(table)}")

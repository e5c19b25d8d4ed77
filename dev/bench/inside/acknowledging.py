"""Callbacks to be stored and answered."""

from dev.bench.inside import crowd
from payments.models import Callback


def prepare(number: int) -> list[tuple[str, str]]:
    """So many prompted payments, and what is posted about each."""
    crowd.make(crowd.FIRST, number)
    return crowd.paths_and_bodies(crowd.FIRST, number)


def stored() -> int:
    """How many callbacks wait for a worker; they are put aside, so that the parts after this one do not read them."""
    return Callback.objects.filter(state="WAITING").update(state="DONE")

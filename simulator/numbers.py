"""Numbers that end without a tap; every other number waits for its owner.

`254708374149` pays, `254700000000` cancels, `254711111111` has too little money. Two families let many run at once:
`25418NNNNnnn` ends in result code NNNN (0000 pays), `25419FFnnnnn` has fault FF (`faults.py`). M-Pesa's spacing
rules do not hold for any of them.
"""

import dataclasses
import re
from collections.abc import Mapping

from simulator.faults import FAULTS, NONE, Fault
from simulator.results import CANCELLED, INSUFFICIENT, SUCCESS

FIXED = {"254708374149": SUCCESS, "254700000000": CANCELLED, "254711111111": INSUFFICIENT}
_ENDS = re.compile(r"25418([0-9]{4})[0-9]{3}")
_FAULTY = re.compile(r"25419([0-9]{2})[0-9]{5}")


@dataclasses.dataclass(frozen=True)
class Script:
    """How a push to a number goes: `ends_in` a code by itself (None: it waits for a tap), with a fault or NONE."""

    ends_in: str | None
    fault: Fault = NONE

    @property
    def magic(self) -> bool:
        return self.ends_in is not None


def script(number: str, *, assigned: Mapping[str, str]) -> Script:
    """`assigned` are faults given to a number by a test; they win over the number's own."""
    own = _own(number)
    return dataclasses.replace(own, fault=FAULTS[assigned[number]]) if number in assigned else own


def _own(number: str) -> Script:
    if number in FIXED:
        return Script(FIXED[number])
    if match := _ENDS.fullmatch(number):
        return Script(str(int(match[1])))
    if (match := _FAULTY.fullmatch(number)) and match[1] in FAULTS:
        return Script(SUCCESS, FAULTS[match[1]])
    return Script(None)

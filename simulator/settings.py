"""How one simulator is set up; what can change while it runs is in `switches`."""

import dataclasses
import ipaddress
from collections.abc import Mapping

from simulator.switches import Switches, changed


@dataclasses.dataclass(frozen=True)
class Settings:
    """`time_scale` multiplies every waiting time: 0.05 makes a prompt live for 3 s instead of 60."""

    host: str = "127.0.0.1"
    port: int = 8100
    time_scale: float = 1.0
    business_name: str = "Smiling Steps"
    phones: tuple[str, ...] = ("254712345678",)  # handsets shown from the start
    switches: Mapping[str, object] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.time_scale > 0:
            raise ValueError("the time scale must be more than 0")
        self.start_switches()

    def start_switches(self) -> Switches:
        return changed(Switches(), self.switches)


def is_loopback(host: str) -> bool:
    """True for localhost, 127.0.0.0/8 and ::1, decided by the name alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False

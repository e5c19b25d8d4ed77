"""What is said to the world after the commit. `from outbox import box, Refused`."""

from outbox.errors import Refused

__all__ = ["Refused"]

"""Times are aware UTC inside; East Africa Time (UTC+3, no summer time) at the M-Pesa border and on pages."""

from datetime import UTC, datetime, timedelta, timezone

EAT = timezone(timedelta(hours=3), "EAT")


def now() -> datetime:
    """The present, aware, in UTC. Domain functions take `now` as an argument; only entry points call this."""
    return datetime.now(UTC)


def mpesa_stamp(at: datetime) -> str:
    """M-Pesa's `yyyyMMddHHmmss` in East Africa Time."""
    return at.astimezone(EAT).strftime("%Y%m%d%H%M%S")


def from_mpesa_stamp(stamp: object) -> datetime | None:
    """Read `yyyyMMddHHmmss` (a string or a number) in East Africa Time; None where it is not one."""
    text = str(stamp)
    if len(text) != 14 or not text.isascii() or not text.isdigit():
        return None
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=EAT).astimezone(UTC)
    except (ValueError, OverflowError):
        return None

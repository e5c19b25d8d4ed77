"""How a change of many accounts becomes transfers between two: the largest debit meets the largest credit."""

from collections.abc import Iterator, Mapping


def pair(change: Mapping[str, int]) -> Iterator[tuple[str, str, int]]:
    """(debit, credit, cents) for a change that sums to zero; the same change always gives the same transfers.

    n accounts need n - 1 transfers at most, and no account stands on both sides.
    """
    debits = _largest_first({code: cents for code, cents in change.items() if cents > 0})
    credits = _largest_first({code: -cents for code, cents in change.items() if cents < 0})
    while debits and credits:
        (debit, needed), (credit, given) = debits.pop(), credits.pop()
        cents = min(needed, given)
        yield debit, credit, cents
        if needed > cents:
            debits.append((debit, needed - cents))
        if given > cents:
            credits.append((credit, given - cents))


def _largest_first(amounts: Mapping[str, int]) -> list[tuple[str, int]]:
    """A stack: the largest is popped first, equal ones by their code."""
    return sorted(amounts.items(), key=lambda item: (-item[1], item[0]), reverse=True)

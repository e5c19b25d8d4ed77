"""Who "user:12" is: staff read names, not numbers."""

import re
from collections.abc import Iterable, Mapping

from accounts.models import User

_ACTOR = re.compile(r"\buser:([0-9]{1,18})\b")


def people_in(texts: Iterable[str]) -> dict[str, str]:
    """Names by "user:12", for all that stand in the texts: one query."""
    ids = {int(found) for text in texts for found in _ACTOR.findall(text)}
    return {f"user:{person.pk}": str(person) for person in User.objects.filter(pk__in=ids)}


def named(text: str, people: Mapping[str, str]) -> str:
    """The text with names where they are known."""
    return _ACTOR.sub(lambda found: people.get(found[0], found[0]), text)

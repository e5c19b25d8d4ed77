"""The trail as a file that can be checked without the database: JSON Lines, one object a line, oldest seal first.

    {"type": "entry", "seal": 1, "mac": "…", "id": 7, "at": "…", "actor": "user:12", "action": "…", "subject": "…",
     "environment": "sandbox", "data": {…}}
    {"type": "seal", "position": 1, "previous": "", "head": "…", "count": 1, "at": "…"}

The entries of a seal stand before it, in their order; at the end stand entries that are not sealed yet (`"seal":
null`). How `mac` and `head` are made stands in `chain`; whoever holds SEAL_KEY checks a file with

    python manage.py audit_verify --file trail.jsonl [--head <published head>]

A file of some seals only (`since`, `until`) is checked the same way; its first `previous` is then taken as given.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from audit import chain
from audit.models import Entry, Seal
from lib.crypto import same


def lines(*, since: datetime | None = None, until: datetime | None = None) -> Iterator[str]:
    """The file line by line, in constant memory; only seals made within the given times (and then no unsealed)."""
    seals = Seal.objects.order_by("position")
    if since:
        seals = seals.filter(at__gte=since)
    if until:
        seals = seals.filter(at__lt=until)
    for seal in seals.iterator(chunk_size=500):
        sealed = Entry.objects.filter(sealed__seal=seal).order_by("sealed__position")
        for entry in sealed.values(*chain.ENTRY_FIELDS, "sealed__mac"):
            yield chain.canonical({"type": "entry", "seal": seal.position, "mac": entry.pop("sealed__mac"), **entry})
        fields = {name: getattr(seal, name) for name in ("position", "previous", "head", "count", "at")}
        yield chain.canonical({"type": "seal", **fields})
    if not since and not until:
        for entry in Entry.objects.filter(sealed__isnull=True).order_by("id").values(*chain.ENTRY_FIELDS).iterator():
            yield chain.canonical({"type": "entry", "seal": None, "mac": None, **entry})


def verify_lines(text: Iterable[str], *, key: bytes, published: str = "") -> list[str]:
    """What is wrong with an exported file, in words; empty when nothing is."""
    findings: list[str] = []
    waiting: list[str] = []
    last: Mapping[str, Any] | None = None
    heads = set()
    for number, line in enumerate(text, start=1):
        row = json.loads(line)
        if row["type"] == "seal":
            findings += _seal_findings(row, waiting, last, key)
            heads.add(row["head"])
            waiting, last = [], row
        elif row["seal"] is not None:
            waiting.append(row["mac"])
            if not same(row["mac"], chain.mac(row, key=key)):
                findings.append(f"Line {number}: entry {row['id']} is not as it was sealed.")
    if waiting:
        findings.append("The file ends before the seal of its last entries.")
    if published and published not in heads:
        findings.append(f"No seal has the published head {published}.")
    return findings


def _seal_findings(seal: Mapping[str, Any], macs: list[str], last: Mapping[str, Any] | None, key: bytes) -> list[str]:
    position = seal["position"]
    if last and (position != last["position"] + 1 or seal["previous"] != last["head"]):
        return [f"Seal {position} does not continue the seal before it."]
    expected = chain.head(position=position, previous=seal["previous"], at=seal["at"], macs=macs, key=key)
    if seal["count"] != len(macs) or not same(seal["head"], expected):
        return [f"Seal {position} does not fit its entries."]
    return []

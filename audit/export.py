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
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from audit import chain
from audit.models import Entry, Seal
from lib.crypto import same

Row = dict[str, Any]  # a line of the file
_FIELDS = {
    "entry": {"type", "seal", "mac", *chain.ENTRY_FIELDS},
    "seal": {"type", "position", "previous", "head", "count", "at"},
}


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
    """What is wrong with an exported file, in words; empty when nothing is. One seal's entries are in memory."""
    findings: list[str] = []
    entries: list[Row] = []
    last: Row | None = None
    heads = set()
    for number, line in enumerate(text, start=1):
        row = _read(line)
        if row is None:
            findings.append(f"Line {number} is neither an entry nor a seal.")
        elif row["type"] == "entry":
            entries.append(row)
        else:
            findings += [*_entry_findings(entries, key), *_seal_findings(row, entries, last, key)]
            heads.add(row["head"])
            entries, last = [], row
    if any(entry["seal"] is not None for entry in entries):
        findings.append("The file ends before the seal of its last entries.")
    if published and published not in heads:
        findings.append(f"No seal has the published head {published}.")
    return findings


def _read(line: str) -> Row | None:
    try:
        row = json.loads(line)
        return row if row.keys() == _FIELDS[row["type"]] else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _entry_findings(entries: list[Row], key: bytes) -> Iterator[str]:
    for entry in entries:
        if not same(str(entry["mac"]), chain.mac(entry, key=key)):
            yield f"Entry {entry['id']} is not as it was sealed."


def _seal_findings(seal: Row, entries: list[Row], last: Row | None, key: bytes) -> list[str]:
    position, macs = seal["position"], [entry["mac"] for entry in entries]
    if last and (position != last["position"] + 1 or seal["previous"] != last["head"]):
        return [f"Seal {position} does not continue the seal before it."]
    expected = chain.head(position=position, previous=seal["previous"], at=seal["at"], macs=macs, key=key)
    whole = seal["count"] == len(macs) and all(entry["seal"] == position for entry in entries)
    if not whole or not same(str(seal["head"]), expected):
        return [f"Seal {position} does not fit its entries."]
    return []

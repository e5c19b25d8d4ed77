"""Sealing the audit trail, and proving that it is as it was sealed (P70).

Every half minute one sealer takes the committed entries that no seal covers, hashes each under a key that is not in
the database, and chains them to the seal before. An entry whose transaction commits late falls into a later seal, so
no payment waits for a chain. Each new head goes to the log.

It detects sealed entries that were changed, removed or inserted, seals that were, and an end cut off the trail when
a head is compared that was published earlier. It cannot detect a change before the first seal (about a minute), an
entry that was never written, or the work of somebody who holds both the key and all published heads.
"""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from django.conf import settings
from django.db import connection
from django.db.models import Max, QuerySet

from audit import chain
from audit.models import Entry, Seal, SealedEntry
from lib.crypto import same
from lib.db import entry_point

BATCH = 1000
# No transaction stays open for a day, so what a seal of yesterday passed by will not appear any more.
LATEST = timedelta(days=1)
_LOCK = 0x617564  # "aud": the one sealer at a time
logger = logging.getLogger(__name__)


def seal_new(*, now: datetime, everything: bool = False) -> int:
    """Seal all committed entries that are not sealed yet; how many. `everything` looks at the oldest ones too."""
    total = 0
    while sealed := _seal_batch(now=now, everything=everything):
        total += sealed
        if sealed < BATCH:
            break
    return total


@entry_point
def _seal_batch(*, now: datetime, everything: bool) -> int:
    if not _only_sealer():
        return 0
    floor = 0 if everything else _floor(now)
    entries = list(_unsealed().filter(id__gt=floor).order_by("id").values(*chain.ENTRY_FIELDS)[:BATCH])
    if not entries:
        return 0
    macs = [chain.mac(entry, key=settings.SEAL_KEY) for entry in entries]
    seal = _new_seal(macs, now=now)
    SealedEntry.objects.bulk_create(
        SealedEntry(entry_id=entry["id"], seal=seal, position=place, mac=mac)
        for place, (entry, mac) in enumerate(zip(entries, macs, strict=True), start=1)
    )
    logger.info("audit trail sealed: position=%s head=%s entries=%s", seal.position, seal.head, seal.count)
    return len(entries)


def verify(*, published: str = "") -> list[str]:
    """What is wrong with the sealed trail, in words; empty when nothing is.

    `published` is a head noted earlier (log, mail): a trail without it was cut.
    """
    findings = list(_chain_findings())
    if published and not Seal.objects.filter(head=published).exists():
        findings.append(f"No seal has the published head {published}: the end of the trail was cut off or rewritten.")
    return findings + list(_unsealed_findings())


def _only_sealer() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def _floor(now: datetime) -> int:
    """Up to this id nothing unsealed can appear any more, so a run reads the entries of about a day."""
    old = Seal.objects.filter(at__lt=now - LATEST).order_by("-position").first()
    return old.entries.aggregate(last=Max("entry_id"))["last"] or 0 if old else 0


def _unsealed() -> QuerySet[Entry]:
    return Entry.objects.filter(sealed__isnull=True)


def _new_seal(macs: list[str], *, now: datetime) -> Seal:
    last = Seal.objects.order_by("-position").first()
    position, previous = (last.position + 1, last.head) if last else (1, "")
    head = chain.head(position=position, previous=previous, at=now, macs=macs, key=settings.SEAL_KEY)
    return Seal.objects.create(position=position, previous=previous, head=head, count=len(macs), at=now)


def _chain_findings() -> Iterator[str]:
    previous, position = "", 0
    for seal in Seal.objects.order_by("position").iterator(chunk_size=500):
        if seal.position != position + 1:
            yield f"The seals from {position + 1} to {seal.position - 1} are gone."
        if seal.previous != previous:
            yield f"Seal {seal.position} does not continue the seal before it."
        yield from _seal_findings(seal)
        previous, position = seal.head, seal.position


def _seal_findings(seal: Seal) -> Iterator[str]:
    rows = list(seal.entries.order_by("position").values_list("entry_id", "mac"))
    entries = Entry.objects.in_bulk([id for id, _ in rows])
    for id, mac in rows:
        entry = entries.get(id)
        if entry is None:
            yield f"Entry {id} is gone; seal {seal.position} covers it."
        elif not same(mac, chain.mac(vars(entry), key=settings.SEAL_KEY)):
            yield f"Entry {id} is not as seal {seal.position} sealed it."
    macs = [mac for _, mac in rows]
    expected = chain.head(position=seal.position, previous=seal.previous, at=seal.at, macs=macs, key=settings.SEAL_KEY)
    if seal.count != len(macs):
        yield f"Seal {seal.position} covers {len(macs)} entries, but was made over {seal.count}."
    elif not same(seal.head, expected):
        yield f"Seal {seal.position} does not fit its entries."


def _unsealed_findings() -> Iterator[str]:
    """Entries far behind the last seal that it should have covered: put in later, or a transaction of over a day."""
    newest = Seal.objects.order_by("-position").first()
    if newest is None:
        return
    late = _unsealed().filter(id__lte=_floor(newest.at)).order_by("id").values_list("id", flat=True)
    for id in islice(late.iterator(), 100):
        yield f"Entry {id} stands among sealed entries but is not sealed: it was put in later."

"""Sealing, and finding whatever was done to the trail afterwards with the triggers off."""

import io
import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from audit import export, seal, tasks, trail
from audit.models import Entry, Seal, SealedEntry
from tests.refusals import refused_by

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def write(*actions: str) -> list[int]:
    """Entries with these actions; their ids."""
    for action in actions:
        trail.record(
            action=action, actor="user:12", subject="payment:1", data={"amount_cents": 100, "ünï": [True, None]}
        )
    return list(Entry.objects.order_by("-id").values_list("id", flat=True)[: len(actions)])[::-1]


def tamper(sql: str, *params: object) -> None:
    """Raw SQL with neither triggers nor foreign keys."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql, params)
        cursor.execute("SET LOCAL session_replication_role = origin")


def exported(**span: datetime) -> list[str]:
    return list(export.lines(**span))


def verify_file(lines: list[str], published: str = "") -> list[str]:
    return export.verify_lines(lines, key=django_settings.SEAL_KEY, published=published)


@pytest.fixture
def sealed(db: None) -> list[int]:
    """Two seals over three and two entries; ids of the entries."""
    ids = write("a", "b", "c")
    seal.seal_new(now=NOW)
    ids += write("d", "e")
    seal.seal_new(now=NOW + timedelta(seconds=30))
    return ids


@pytest.mark.requirement("SEC-6")
class TestTampering:
    def test_an_untouched_trail_verifies(self, sealed: list[int]) -> None:
        assert list(Seal.objects.order_by("position").values_list("position", "count")) == [(1, 3), (2, 2)]
        assert seal.verify(published=Seal.objects.get(position=2).head) == []
        assert seal.seal_new(now=NOW) == 0

    @pytest.mark.parametrize(
        "change",
        ["actor = 'user:1'", "action = 'x'", "subject = ''", "environment = 'sandbox'", "at = at + interval '1 us'",
         "data = '{}'", """data = data || '{"amount_cents": 100.0}'"""],
    )  # fmt: skip
    def test_a_changed_entry(self, sealed: list[int], change: str) -> None:
        sql = "UPDATE audit_entry SET {} WHERE id = %s"
        tamper(sql.format(change), sealed[1])
        assert seal.verify() == [f"Entry {sealed[1]} is not as seal 1 sealed it."]

    def test_a_removed_entry(self, sealed: list[int]) -> None:
        tamper("DELETE FROM audit_entry WHERE id = %s", sealed[3])
        assert seal.verify() == [f"Entry {sealed[3]} is gone; seal 2 covers it."]

    def test_an_entry_removed_with_its_place(self, sealed: list[int]) -> None:
        tamper("DELETE FROM audit_entry WHERE id = %s", sealed[3])
        tamper("DELETE FROM audit_sealed_entry WHERE entry_id = %s", sealed[3])
        assert seal.verify() == ["Seal 2 covers 1 entries, but was made over 2."]

    def test_an_entry_put_into_a_seal(self, sealed: list[int]) -> None:
        (new,) = write("forged")
        first = SealedEntry.objects.get(entry_id=sealed[0])
        tamper("INSERT INTO audit_sealed_entry VALUES (%s, 4, %s, %s)", new, first.mac, first.seal_id)
        assert seal.verify() == [
            f"Entry {new} is not as seal 1 sealed it.", "Seal 1 covers 4 entries, but was made over 3.",
        ]  # fmt: skip

    def test_entries_exchanged(self, sealed: list[int]) -> None:
        tamper("UPDATE audit_sealed_entry SET position = position + 10")
        assert seal.verify() == []  # only their order counts
        tamper("UPDATE audit_sealed_entry SET position = -position")
        assert seal.verify() == ["Seal 1 does not fit its entries.", "Seal 2 does not fit its entries."]

    def test_an_entry_put_in_far_behind(self, sealed: list[int]) -> None:
        write("f")
        seal.seal_new(now=NOW + timedelta(days=3))
        tamper("DELETE FROM audit_sealed_entry WHERE entry_id = %s", sealed[3])
        findings = seal.verify()
        assert f"Entry {sealed[3]} stands among sealed entries but is not sealed: it was put in later." in findings
        assert seal.seal_new(now=NOW + timedelta(days=3)) == 0
        assert seal.seal_new(now=NOW + timedelta(days=3), everything=True) == 1

    @pytest.mark.parametrize("change", ["at = at + interval '1 s'", "count = 2", "head = repeat('0', 64)"])
    def test_a_changed_seal(self, sealed: list[int], change: str) -> None:
        sql = "UPDATE audit_seal SET {} WHERE position = 1"
        tamper(sql.format(change))
        assert seal.verify() != []

    def test_a_removed_seal(self, sealed: list[int]) -> None:
        tamper("DELETE FROM audit_seal WHERE position = 1")
        assert seal.verify() == ["The seals from 1 to 1 are gone.", "Seal 2 does not continue the seal before it."]

    def test_a_true_seal_cannot_continue_another_beginning(self, sealed: list[int]) -> None:
        """The beginning is replaced, sealed anew by the true sealer, and the old end hung on to it."""
        old = Seal.objects.get(position=2)
        tamper("DELETE FROM audit_sealed_entry WHERE entry_id = ANY(%s)", sealed[:3])
        tamper("DELETE FROM audit_entry WHERE id = ANY(%s)", sealed[:3])
        tamper("DELETE FROM audit_seal")
        write("x")
        seal.seal_new(now=NOW)
        old.previous = Seal.objects.get().head
        old.save(force_insert=True)
        assert seal.verify() == ["Seal 2 does not fit its entries."]

    def test_an_end_cut_off_is_found_by_its_published_head(self, sealed: list[int]) -> None:
        head = Seal.objects.get(position=2).head
        tamper("DELETE FROM audit_entry WHERE id = ANY(%s)", sealed[3:])
        tamper("DELETE FROM audit_sealed_entry WHERE entry_id = ANY(%s)", sealed[3:])
        tamper("DELETE FROM audit_seal WHERE position = 2")
        assert seal.verify() == []
        assert seal.verify(published=head) == [
            f"No seal has the published head {head}: the end of the trail was cut off or rewritten."
        ]

    def test_another_key_cannot_make_seals(self, sealed: list[int], settings) -> None:  # type: ignore[no-untyped-def]
        settings.SEAL_KEY = bytes(32)
        assert len(seal.verify()) == 7

    @pytest.mark.parametrize("table", ["audit_seal", "audit_sealed_entry"])
    def test_seals_are_only_ever_added(self, sealed: list[int], table: str) -> None:
        for sql in ("UPDATE {} SET position = position + 10", "DELETE FROM {}"):
            assert refused_by(sql.format(table)) == f"{table}_frozen"


@pytest.mark.requirement("SEC-6")
class TestSealing(TestCase):
    # Feature: mpesa-payment-integration, Property 70: Audit Logs Have Tamper-Evident Format
    @pytest.mark.requirement("P70")
    @settings(max_examples=100, deadline=None)
    @given(
        batches=st.lists(st.lists(st.text(max_size=20), min_size=1, max_size=5), min_size=1, max_size=4), data=st.data()
    )
    def test_whatever_is_asked_for_is_tamper_evident(self, batches: list[list[str]], data: st.DataObject) -> None:
        for batch in batches:
            trail.record_many(trail.Row("a", "user:12", "payment:1", {"text": text}) for text in batch)
            seal.seal_new(now=NOW)
        lines = exported()
        assert (seal.verify(), verify_file(lines)) == ([], [])

        head = Seal.objects.order_by("-position").first().head  # type: ignore[union-attr]
        at = data.draw(st.integers(0, len(lines) - 1))
        row = json.loads(lines[at])
        field = data.draw(st.sampled_from(sorted(row.keys() - {"type"})))
        changed = [*lines[:at], json.dumps({**row, field: _other(row[field])}), *lines[at + 1 :]]
        assert verify_file(changed, head) != []
        assert verify_file(lines[:at] + lines[at + 1 :], head) != []
        assert verify_file(lines[:at], head) != []


def _other(value: object) -> object:
    return value + 1 if isinstance(value, int) else {"other": 1} if isinstance(value, dict) else f"{value}x"


@pytest.mark.requirement("SEC-6")
@pytest.mark.django_db
class TestRuns:
    def test_many_entries_take_several_seals(self) -> None:
        trail.record_many(trail.Row("a", "system") for _ in range(seal.BATCH + 5))
        assert seal.seal_new(now=NOW) == seal.BATCH + 5
        assert list(Seal.objects.order_by("position").values_list("count", flat=True)) == [seal.BATCH, 5]

    def test_the_head_goes_to_the_log(self, caplog: pytest.LogCaptureFixture) -> None:
        write("a")
        with caplog.at_level(logging.INFO, logger="audit"):
            tasks.seal_trail()
        head = Seal.objects.get().head
        assert [r.getMessage() for r in caplog.records] == [f"audit trail sealed: position=1 head={head} entries=1"]

    def test_commands(self, sealed: list[int], tmp_path: Path) -> None:
        file, head = tmp_path / "trail.jsonl", Seal.objects.get(position=2).head
        with file.open("w", encoding="utf-8") as output:
            call_command("audit_export", output=output)
        out = io.StringIO()
        call_command("audit_verify", file=file, head=head, stdout=out)
        call_command("audit_verify", head=head, stdout=out)
        call_command("audit_seal", stdout=out)
        same = "The audit trail is as it was sealed.\n"
        assert out.getvalue() == f"{same}{same}1 entries sealed.\n"
        assert Entry.objects.get(action="audit.exported").actor == "system"
        file.write_text(file.read_text(encoding="utf-8").replace("user:12", "user:13"), encoding="utf-8")
        with pytest.raises(CommandError, match="is not as it was sealed"):
            call_command("audit_verify", file=file)

    def test_an_export_with_unsealed_entries_and_rubbish(self, sealed: list[int]) -> None:
        write("f")
        lines = exported()
        assert [json.loads(line)["seal"] for line in lines if '"type":"entry"' in line] == [1, 1, 1, 2, 2, None]
        assert verify_file(lines) == []
        assert "Seal 1 does not fit its entries." in verify_file([lines[-1], *lines])
        assert verify_file([*lines, "{", "[]", '{"type": "seal"}']) == [
            f"Line {number} is neither an entry nor a seal." for number in (9, 10, 11)
        ]

    def test_an_export_of_some_seals_verifies_by_itself(self, sealed: list[int]) -> None:
        lines = exported(since=NOW + timedelta(seconds=1))
        assert [json.loads(line)["type"] for line in lines] == ["entry", "entry", "seal"]
        assert verify_file(lines) == []


@pytest.mark.requirement("SEC-6")
@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def in_another_connection(self, work: Callable[[], object]) -> object:
        def run() -> object:
            try:
                return work()
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(run).result(timeout=30)

    def test_an_entry_that_commits_late_falls_into_a_later_seal(self) -> None:
        with transaction.atomic():
            (late,) = write("late")
            self.in_another_connection(lambda: write("early"))
            assert self.in_another_connection(lambda: seal.seal_new(now=NOW)) == 1
        assert seal.seal_new(now=NOW) == 1
        assert SealedEntry.objects.get(entry_id=late).seal.position == 2
        assert seal.verify() == []

    def test_one_sealer_at_a_time(self) -> None:
        write("a")
        with transaction.atomic():
            assert seal._only_sealer()
            assert self.in_another_connection(lambda: seal.seal_new(now=NOW)) == 0
        assert seal.seal_new(now=NOW) == 1

"""What refuses a statement: the name of the constraint or trigger."""

from collections.abc import Sequence

import pytest
from django.db import IntegrityError, connection, transaction


def refused_by(sql: str, params: Sequence[object] = ()) -> str | None:
    """Run raw SQL that must break a rule of the database, and name the rule. Nothing of it stays."""
    with pytest.raises(IntegrityError) as refusal, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"{sql}; SET CONSTRAINTS ALL IMMEDIATE", params)
    cause = refusal.value.__cause__
    return cause.diag.constraint_name  # type: ignore[union-attr]

"""The report that is measured: who asks for it, and its question as SQL."""

from typing import Any

from django.contrib import admin
from django.db import connection
from django.test import RequestFactory

from accounts.models import User
from dev.bench.inside.visiting import signed_in
from payments.admin import sheet
from payments.models import Payment


def seen() -> dict[str, str]:
    """The cookie of an admin, and what PostgreSQL is asked for their whole list of payments."""
    user, _ = User.objects.get_or_create(email="admin@bench.test", defaults={"role": "ADMIN", "is_superuser": True})
    return {"cookie": signed_in(user.pk), "sql": _question(user)}


def _question(user: User) -> str:
    request: Any = RequestFactory().get("/")
    request.user = user
    found = admin.site.get_model_admin(Payment).get_changelist_instance(request).queryset
    sql, values = sheet.rows(found).query.sql_with_params()
    with connection.cursor() as cursor:
        return str(cursor.mogrify(sql, values))

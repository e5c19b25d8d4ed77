"""Filters of the payments' lists."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from lib.clock import EAT
from payments import merchants
from payments.models.environment import Environment
from payments.states import LIVE


class ModeFilter(admin.SimpleListFilter):
    """The environment; the current one where none is chosen (LED-4)."""

    title, parameter_name = "mode", "mode"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(environment.value, environment.value) for environment in Environment]

    def choices(self, changelist: Any) -> Any:
        for value, words in self.lookup_choices:
            yield {
                "selected": self.chosen() == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": words,
            }

    def chosen(self) -> str:
        return self.value() or merchants.current_environment()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(environment=self.chosen())


class ReviewFilter(admin.SimpleListFilter):
    """Payments that a person should look at."""

    title, parameter_name = "review", "review"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "to be looked at")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.exclude(reasons=[]) if self.value() == "open" else queryset


class LiveFilter(admin.SimpleListFilter):
    """Payments whose prompt may be on a phone now."""

    title, parameter_name = "prompt", "live"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "may be on a phone")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(status__in=sorted(LIVE)) if self.value() == "yes" else queryset


class PurposeFilter(admin.SimpleListFilter):
    """The purposes that there are by the table of what can be paid for: a million rows are not asked which."""

    title, parameter_name = "purpose", "purpose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(purpose, purpose) for purpose in sorted(settings.PAYABLES)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(purpose=self.value()) if self.value() else queryset


class DaysFilter(admin.ListFilter):
    """From one day to another, both included, in East Africa Time: two inputs."""

    title, template = "days (from, to)", "admin/payments/days_filter.html"
    field = "initiated_at"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        for name in self.expected_parameters():
            if name and name in params:
                value = params.pop(name)
                self.used_parameters[name] = value[-1] if isinstance(value, list) else value

    def expected_parameters(self) -> list[str | None]:
        return ["from", "to"]

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: Any) -> Any:
        kept = [(name, value) for name, value in changelist.params.items()]
        kept += [(name, values[-1]) for name, values in changelist.filter_params.items() if values]
        others = {name: value for name, value in kept if name not in self.expected_parameters()}
        yield {"values": self.used_parameters, "others": others, "display": "", "selected": bool(self.used_parameters)}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first, last = self._day("from"), self._day("to")
        if first:
            queryset = queryset.filter(**{f"{self.field}__gte": datetime.combine(first, time(), EAT)})
        if last:
            queryset = queryset.filter(**{f"{self.field}__lt": datetime.combine(last + timedelta(days=1), time(), EAT)})
        return queryset

    def _day(self, name: str) -> date | None:
        """What is no day is ignored: the input itself shows that it is empty."""
        try:
            day = date.fromisoformat(str(self.used_parameters.get(name, "")))
        except ValueError:
            return None
        return day if date(2000, 1, 1) <= day <= date(2999, 12, 31) else None

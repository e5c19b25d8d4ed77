"""The admin's site, and pages that show and never change: for rows that the database itself refuses to change.

Django's lists can be filtered by any column of their own, named in the address or not: by `?password__startswith=` a
reader would learn a hash letter by letter, and `?name__regex=((` is an error in the database. The lists of this site
know the filters that they offer and no other, whoever registers them.
"""

from datetime import UTC
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin import DateFieldListFilter, FieldListFilter, ShowFacets
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG, ChangeList
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import DateTimeField, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.timezone import is_naive, make_aware

COUNTED = 10_000  # rows; counting a million for every page costs more than the page
UNKNOWN_FILTER = "This list knows no such filter or page: it is shown without."
UNKNOWN_ROWS = "These rows cannot be chosen: their ids are not this list's. Nothing was done."


class OfferedList(ChangeList):
    """What no filter of the list took for itself is not asked of the database."""

    def get_filters(self, request: HttpRequest) -> Any:
        try:
            found = super().get_filters(request)
        except (ValueError, OverflowError) as error:  # a day of the hierarchy at the end of all time
            raise IncorrectLookupParameters(error) from error
        if left := {*found[2]} - self._chosen() - self._of_the_hierarchy():
            raise IncorrectLookupParameters(f"not offered: {', '.join(sorted(left))}")
        return found

    def _chosen(self) -> set[str]:
        """`?status=FAILED`, which Django's filter of choices leaves to the list: it knows `status__exact`."""
        columns = {field.name for field in self.lookup_opts.fields if field.choices}
        return columns & {name for name in self.list_filter if isinstance(name, str)}

    def _of_the_hierarchy(self) -> set[str]:
        """Which day, in times that Django made of what was asked."""
        hierarchy = self.date_hierarchy
        return {f"{hierarchy}__gte", f"{hierarchy}__lt"} if f"{hierarchy}__year" in self.filter_params else set()


class TimesFilter(DateFieldListFilter):
    """Django's, for times that Python and PostgreSQL both know: either has some that the other cannot read."""

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        used: dict[str, Any] = self.used_parameters
        for name in {self.lookup_kwarg_since, self.lookup_kwarg_until} & {*used}:
            used[name] = [self._time(value) for value in used[name]]
        return cast("QuerySet[Any]", super().queryset(request, queryset))

    def _time(self, said: Any) -> Any:
        try:
            at = self.field.to_python(said)
            return (make_aware(at) if is_naive(at) else at).astimezone(UTC)
        except (ValidationError, OverflowError) as error:
            raise IncorrectLookupParameters(error) from error


FieldListFilter.register(lambda field: isinstance(field, DateTimeField), TimesFilter, take_priority=True)


class OfferedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Every admin of the site is one: `Desk` sees to it."""

    show_facets = ShowFacets.NEVER  # counting every choice of every filter reads the whole table

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return OfferedList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Django leads a wrong address to the whole list, marked `?e=1`, and takes a wrong one so marked for a broken
        database; here the mark says why the list is whole, and nothing else."""
        if ERROR_FLAG in request.GET:
            asked: Any = request.GET.copy()
            del asked[ERROR_FLAG]
            request.GET = asked
            self.message_user(request, UNKNOWN_FILTER, messages.WARNING)
        return super().changelist_view(request, extra_context)

    def response_action(self, request: HttpRequest, queryset: "QuerySet[Any]") -> HttpResponse | None:  # type: ignore[override]
        """None: Django leads back to the list."""
        key: Any = self.opts.pk
        try:
            for chosen in request.POST.getlist(ACTION_CHECKBOX_NAME):
                key.to_python(chosen)
        except ValidationError:
            self.message_user(request, UNKNOWN_ROWS, messages.WARNING)
            return None
        return super().response_action(request, queryset)


class Desk(admin.AdminSite):
    """The site of `admin.site`."""

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Also the admins of others' apps."""
        kind = admin_class or admin.ModelAdmin
        super().register(model_or_iterable, type(kind.__name__, (OfferedAdmin, kind), {}), **options)

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """No form here completes anything; whoever asks would search rows without an entry in the trail (SEC-6)."""
        raise PermissionDenied


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts so many rows at most: nobody pages further, they search."""

    most = COUNTED

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: self.most].count())


class _ReadOnly:
    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyAdmin(_ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """List and detail for those with the view permission."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50


class ReadOnlyInline(_ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    """Rows of another table on a detail page."""

    extra = 0
    show_change_link = True

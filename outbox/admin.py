"""Deliveries, for reading; the failed and doubtful ones can be sent again, with a reason."""

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.http import HttpRequest

from lib import clock
from lib.admin import ReadOnlyAdmin
from lib.errors import Refusal
from outbox import box
from outbox.models import Delivery


class ReasonForm(ActionForm):
    """Stands beside the choice of an action."""

    reason = forms.CharField(required=False, max_length=200, label="Reason:")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("id", "topic", "handler", "state", "attempts", "created_at", "next_attempt_at", "last_error")
    list_filter = ("state", "topic", "created_at")
    search_fields = ("key__exact",)
    search_help_text = "the whole key"
    ordering = ("-id",)
    action_form = ReasonForm
    actions = ("send_again",)

    def has_send_again_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("outbox.send_again")

    @admin.action(description="Send again (say why)", permissions=["send_again"])
    def send_again(self, request: HttpRequest, deliveries: QuerySet[Delivery]) -> None:
        reason, actor = request.POST.get("reason", ""), f"user:{request.user.pk}"
        for delivery in deliveries:
            try:
                box.send_again(delivery_id=delivery.pk, reason=reason, actor=actor, now=clock.now())
            except Refusal as refusal:
                self.message_user(request, f"{delivery}: {refusal.message}", messages.ERROR)
            else:
                self.message_user(request, f"{delivery} will be sent again.", messages.SUCCESS)

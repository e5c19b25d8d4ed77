"""Shapes that all of the API shares."""

from typing import Any

from rest_framework import serializers


class ErrorSerializer(serializers.Serializer[Any]):
    """Every error of the API. `error` repeats `message`; `errors`, where there, names the fields that were wrong."""

    success = serializers.BooleanField(default=False)
    code = serializers.CharField(help_text="A stable word for programs, such as invalid_phone.")
    message = serializers.CharField(help_text="What happened and what to do next.")
    error = serializers.CharField()

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        texts = serializers.ListField(child=serializers.CharField())
        fields["errors"] = serializers.DictField(child=texts, required=False)  # `errors` is a name of Serializer's own
        return fields

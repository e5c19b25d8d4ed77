"""What the API's description says about errors: one shape for all of them, and who gives which."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

_WHEN = {
    400: "Something in the request is wrong: `code` says what; `errors`, where there, says which field and why.",
    401: "No access token, or one that has ended.",
    403: "Signed in by a cookie, but without a CSRF token.",
    404: "There is no such thing, or it is somebody else's.",
    409: "Not now: see `code` and, where it is given, the header `Retry-After`.",
    412: "It has changed since you saw it (`If-Match`): nothing was done. Read it again, then decide.",
    413: "The body is larger than 256 kB.",
    415: "The body is not `application/json`.",
    429: "Over the limit of requests: wait for the seconds of the header `Retry-After`.",
    502: "M-Pesa refused the request for good. Nothing was taken; `message` says what to do.",
    503: "We cannot reach our records. `code` says whether it is safe to try again (`database_unavailable`) "
    "or the phone must be looked at first (`check_phone`).",
}


class ErrorSerializer(serializers.Serializer[Any]):
    """Every error of the API. `error` repeats `message`; `errors`, where there, names the fields that were wrong."""

    success = serializers.BooleanField(default=False, help_text="Always false.")
    code = serializers.CharField(help_text="A stable word for programs, such as `invalid_phone`.")
    message = serializers.CharField(help_text="What happened and what to do next, for people.")
    error = serializers.CharField(help_text="The same as `message`.")

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        texts = serializers.ListField(child=serializers.CharField())
        fields["errors"] = serializers.DictField(  # `errors` is a name of Serializer's own
            child=texts, required=False, help_text="Sentences by the name of the field."
        )
        return fields


def empty_is_not_given(result: dict[str, Any], **_generator: object) -> dict[str, Any]:
    """A hook of drf-spectacular: `?status=` is what a form sends for a filter that was left alone."""
    for operations in result["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query" and not parameter.get("required"):
                    parameter["allowEmptyValue"] = True
    return result


def one_of_several_is_needed(result: dict[str, Any], **_generator: object) -> dict[str, Any]:
    """A hook of drf-spectacular, which calls a body optional where it may have one of several shapes."""
    shapes = result["components"]["schemas"]
    for operations in result["paths"].values():
        for operation in operations.values():
            body = operation.get("requestBody", {})
            asked = body.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
            if "oneOf" in shapes.get(asked.rpartition("/")[2], {}):
                body["required"] = True
    return result


def errors(*statuses: int) -> dict[int, OpenApiResponse]:
    """The errors of an endpoint, for `extend_schema(responses=…)`."""
    return {status: OpenApiResponse(ErrorSerializer, _WHEN[status]) for status in statuses}

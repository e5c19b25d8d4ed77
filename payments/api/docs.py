"""The API's own description: `/api/schema/` for programs, `/api/docs/` for people, who can try it there."""

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView


class Schema(SpectacularAPIView):
    """OpenAPI 3, as YAML, or as JSON where `Accept` or `?format=json` asks for it."""


class Page(SpectacularSwaggerSplitView):
    """Swagger UI from our own static files. Its script has an address of its own, so our CSP holds here too."""

    template_name = "payments/api_docs.html"

"""An e-mail address that knows no case: typed in any, stored and looked up in lower case."""

from django.db import models


class LowerEmailField(models.EmailField):
    """Both saves and lookups pass through `get_prep_value`, so "A@b.c" finds and stores "a@b.c"."""

    def to_python(self, value: object) -> str | None:
        return None if value is None else str(value).strip().lower()

    def get_prep_value(self, value: object) -> object:
        return self.to_python(super().get_prep_value(value))

    def pre_save(self, model_instance: models.Model, add: bool) -> object:
        value = self.to_python(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value

"""Log-in by e-mail, and Django's permissions answered by role."""

from django.contrib.auth.backends import ModelBackend

from accounts import roles
from accounts.models import User


class RoleBackend(ModelBackend):
    """`has_perm` asks the table of `accounts.roles`; groups and single permissions are not consulted."""

    def has_perm(self, user_obj: object, perm: str, obj: object = None) -> bool:
        return isinstance(user_obj, User) and user_obj.is_active and roles.grants(user_obj.role, perm)

    def has_module_perms(self, user_obj: object, app_label: str) -> bool:
        return isinstance(user_obj, User) and user_obj.is_active and roles.grants_any_in(user_obj.role, app_label)

    def get_all_permissions(self, user_obj: object, obj: object = None) -> set[str]:
        """No list is kept: the table holds patterns. Ask `has_perm`."""
        return set()

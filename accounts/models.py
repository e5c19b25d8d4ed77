"""People: who logs in by e-mail, what they may do, and the key that seals what is personal about them."""

from collections.abc import Iterable

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.fields import LowerEmailField
from accounts.keys import new_data_key, open_for, phone_hash, seal_for
from accounts.roles import STAFF, Role
from lib import phone as phones
from lib.crypto import Unreadable

_PHONE = "phone"
_STAFF = sorted(role.value for role in STAFF)


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        """No password means none that works, until one is set by a reset."""
        if not email:
            raise ValueError("an e-mail address is needed")
        user = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        return self.create_user(email, password, **{**fields, "role": Role.ADMIN, "is_superuser": True})

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=username)


class User(AbstractBaseUser, PermissionsMixin):
    """`is_staff` follows the role, `phone` is sealed, `data_key` is NULL once the person was erased."""

    Role = Role

    email = LowerEmailField("e-mail", max_length=254)
    name = models.CharField(max_length=120, blank=True, default="")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.CLIENT)
    phone_sealed = models.BinaryField(default=b"", blank=True)
    phone_hash = models.CharField(max_length=64, blank=True, default="", editable=False, db_index=True)
    data_key = models.BinaryField(null=True, default=new_data_key)
    consent_at = models.DateTimeField(null=True, blank=True, editable=False)
    consent_version = models.CharField(max_length=32, blank=True, default="", editable=False)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, editable=False)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = EMAIL_FIELD = "email"
    REQUIRED_FIELDS: list[str] = []  # type: ignore[misc]  # a property in the base class
    PHONE_FIELDS = ("phone_sealed", "phone_hash")  # what `save(update_fields=…)` needs after `set_phone`

    class Meta:
        indexes = [  # staff find people by the beginning of an address or of any word of a name
            models.Index(fields=["email"], opclasses=["varchar_pattern_ops"], name="user_email_begins"),
            GinIndex(SearchVector("name", config="simple"), name="user_name_words"),
        ]
        constraints = [
            # The two together make an address unique whatever its case.
            models.UniqueConstraint(fields=["email"], name="user_email_once"),
            models.CheckConstraint(condition=Q(email=Lower(F("email"))), name="user_email_lower_case"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="user_role_known"),
            models.CheckConstraint(
                condition=Q(is_staff=True, role__in=_STAFF) | (Q(is_staff=False) & ~Q(role__in=_STAFF)),
                name="user_staff_follows_role",
            ),
            models.CheckConstraint(
                condition=Q(is_superuser=False) | Q(role=Role.ADMIN), name="user_superuser_is_admin"
            ),
            models.CheckConstraint(
                condition=Q(phone_sealed=b"", phone_hash="") | (~Q(phone_sealed=b"") & ~Q(phone_hash="")),
                name="user_phone_sealed_and_found",
            ),
            models.CheckConstraint(
                condition=Q(consent_at=None, consent_version="")
                | (Q(consent_at__isnull=False) & ~Q(consent_version="")),
                name="user_consent_has_time_and_version",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def save(self, *args: object, update_fields: Iterable[str] | None = None, **kwargs: object) -> None:
        self.is_staff = self.role in STAFF
        if update_fields is not None and "role" in update_fields:
            update_fields = {*update_fields, "is_staff"}
        super().save(*args, update_fields=update_fields, **kwargs)  # type: ignore[arg-type]

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return self.name.split(" ")[0] if self.name else self.email

    @property
    def phone(self) -> str:
        """`2547XXXXXXXX`, or "" where there is none or it was erased."""
        if not self.phone_sealed:
            return ""
        try:
            return open_for(self, self.phone_sealed, _PHONE)
        except Unreadable:
            return ""

    def set_phone(self, text: str) -> None:
        """Seal a Kenyan number in any form, "" to forget it; does not save. The user must have been saved once.

        Raises Refusal `invalid_phone`.
        """
        if not text.strip():
            self.phone_sealed, self.phone_hash = b"", ""
            return
        if self.pk is None:
            raise ValueError("the seal carries the user's id: save the user first")
        number = phones.normalise(text)
        self.phone_sealed, self.phone_hash = seal_for(self, number, _PHONE), phone_hash(number)

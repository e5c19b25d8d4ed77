"""The rules about people that the database keeps, whoever writes."""

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.keys import keyring_of, keyrings_of, open_for, phone_hash, seal_for
from accounts.models import User
from accounts.roles import Role
from lib.crypto import Unreadable
from lib.errors import Refusal

pytestmark = pytest.mark.django_db


def refused_by(sql: str, *values: object) -> str:
    """The name of the constraint that refuses the statement."""
    with pytest.raises(IntegrityError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)
    return caught.value.__cause__.diag.constraint_name


def test_an_address_is_one_whatever_its_case(amina: User) -> None:
    assert User.objects.get(email=" AMINA@Malipo.Test ") == amina
    with pytest.raises(IntegrityError, match="user_email_once"), transaction.atomic():
        User.objects.create_user("AMINA@MALIPO.TEST", "x")


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("email = 'Amina@malipo.test'", "user_email_lower_case"),
        ("role = 'OWNER'", "user_role_known"),
        ("role = 'FINANCE'", "user_staff_follows_role"),
        ("is_staff = true", "user_staff_follows_role"),
        ("is_superuser = true", "user_superuser_is_admin"),
        ("phone_hash = 'abc'", "user_phone_sealed_and_found"),
        ("consent_at = now()", "user_consent_has_time_and_version"),
        ("consent_version = '1'", "user_consent_has_time_and_version"),
    ],
)
def test_raw_sql_is_refused_by_name(amina: User, change: str, constraint: str) -> None:
    assert refused_by(f"UPDATE accounts_user SET {change} WHERE id = %s", amina.pk) == constraint  # noqa: S608


@pytest.mark.requirement("SEC-8")
@pytest.mark.parametrize("role", Role)
def test_staff_follows_the_role(amina: User, role: Role) -> None:
    amina.role = role
    amina.save(update_fields=["role"])
    amina.refresh_from_db()
    assert amina.is_staff == (role in {Role.SUPPORT, Role.FINANCE, Role.ADMIN})


@pytest.mark.requirement("SEC-4")
def test_the_phone_is_stored_sealed_and_found_by_its_hash(amina: User) -> None:
    amina.set_phone("0712 345-678")
    amina.save(update_fields=User.PHONE_FIELDS)
    found = User.objects.get(phone_hash=phone_hash("254712345678"))
    assert found.phone == "254712345678"
    assert b"712345678" not in bytes(found.phone_sealed)
    with connection.cursor() as cursor:
        cursor.execute("SELECT row(u.*)::text FROM accounts_user u WHERE id = %s", [amina.pk])
        assert "712345678" not in cursor.fetchone()[0]


def test_a_phone_that_is_none_is_refused(amina: User) -> None:
    with pytest.raises(Refusal, match="valid Kenyan phone number"):
        amina.set_phone("0812 345 678")


def test_a_user_without_an_id_cannot_seal() -> None:
    with pytest.raises(ValueError, match="save the user first"):
        User(email="new@malipo.test").set_phone("0712345678")


@pytest.mark.requirement("SEC-5")
def test_without_the_key_nothing_personal_can_be_read(amina: User) -> None:
    amina.set_phone("0712345678")
    amina.save(update_fields=User.PHONE_FIELDS)
    User.objects.filter(pk=amina.pk).update(data_key=None)
    amina.refresh_from_db()
    assert amina.phone == ""
    with pytest.raises(Unreadable):
        keyring_of(amina.pk)
    assert keyrings_of([amina.pk]) == {}


def test_what_is_sealed_opens_only_for_its_owner_and_context(amina: User) -> None:
    other = User.objects.create_user("other@malipo.test")
    sealed = seal_for(amina, "secret", "note")
    assert open_for(amina, sealed, "note") == "secret"
    User.objects.filter(pk=other.pk).update(data_key=amina.data_key)
    other.refresh_from_db()
    for owner, context in [(other, "note"), (amina, "letter")]:
        with pytest.raises(Unreadable):
            open_for(owner, sealed, context)


def test_keyrings_of_many_take_one_query(amina: User, django_assert_num_queries) -> None:
    ids = [amina.pk, *(User.objects.create_user(f"u{n}@malipo.test").pk for n in range(5))]
    with django_assert_num_queries(1):
        rings = keyrings_of([*ids, 0])
    assert sorted(rings) == sorted(ids)
    sealed = keyring_of(ids[1]).seal(b"x", context="c")
    assert rings[ids[1]].open(sealed, context="c") == b"x"


def test_a_key_of_data_keys_can_be_changed(amina: User, settings) -> None:
    sealed = keyring_of(amina.pk).seal(b"x", context="c")
    settings.DATA_KEYS = [b"n" * 32, *settings.DATA_KEYS]
    assert keyring_of(amina.pk).open(sealed, context="c") == b"x"


def test_a_user_without_password_cannot_log_in(client) -> None:
    user = User.objects.create_user("later@malipo.test")
    assert not user.has_usable_password()


def test_superusers_are_admins() -> None:
    user = User.objects.create_superuser("root@malipo.test", "x")
    assert (user.role, user.is_staff, user.has_perm("any.thing")) == (Role.ADMIN, True, True)

"""SEC-8: who may do what."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from accounts import roles
from accounts.models import User
from accounts.roles import Role

pytestmark = pytest.mark.requirement("SEC-8")

ANSWERS = {
    roles.is_staff: {Role.SUPPORT, Role.FINANCE, Role.ADMIN},
    roles.may_see_all_payments: {Role.SUPPORT, Role.FINANCE, Role.ADMIN},
    roles.may_settle: {Role.FINANCE, Role.ADMIN},
    roles.may_refund: {Role.FINANCE, Role.ADMIN},
    roles.may_reconcile: {Role.FINANCE, Role.ADMIN},
    roles.may_see_reports: {Role.FINANCE, Role.ADMIN},
    roles.may_see_audit: {Role.FINANCE, Role.ADMIN},
    roles.may_send_again: {Role.FINANCE, Role.ADMIN},
    roles.may_test_connection: {Role.FINANCE, Role.ADMIN},
    roles.may_cancel_sessions: {Role.ADMIN},
    roles.may_switch: {Role.ADMIN},
    roles.may_edit_credentials: {Role.ADMIN},
    roles.may_edit_people: {Role.ADMIN},
}


@pytest.mark.parametrize("role", Role)
def test_each_role_gets_its_answers(role: Role) -> None:
    user = User(email="x@malipo.test", role=role)
    assert {ask: ask(user) for ask in ANSWERS} == {ask: role in allowed for ask, allowed in ANSWERS.items()}


def test_every_question_is_in_the_table() -> None:
    asked = {getattr(roles, name) for name in vars(roles) if name.startswith("may_") or name == "is_staff"}
    assert asked == set(ANSWERS)


def test_strangers_and_closed_accounts_may_nothing() -> None:
    closed = User(email="x@malipo.test", role=Role.ADMIN, is_active=False)
    assert not any(ask(who) for ask in ANSWERS for who in (AnonymousUser(), closed, None))


def test_every_role_has_a_row_of_permissions() -> None:
    assert set(roles.PERMISSIONS) == set(Role)


@pytest.mark.parametrize(
    ("role", "permission", "granted"),
    [
        (Role.CLIENT, "payments.view_payment", False),
        (Role.THERAPIST, "payments.view_payment", False),
        (Role.SUPPORT, "payments.view_payment", True),
        (Role.SUPPORT, "payments.change_payment", False),
        (Role.SUPPORT, "audit.view_entry", False),
        (Role.FINANCE, "audit.view_entry", True),
        (Role.FINANCE, "accounts.change_user", False),
        (Role.FINANCE, "outbox.send_again", True),
        (Role.ADMIN, "accounts.change_user", True),
    ],
)
def test_django_permissions_are_answered_by_role(role: Role, permission: str, granted: bool) -> None:
    user = User(email="x@malipo.test", role=role)
    assert user.has_perm(permission) is granted
    assert not User(email="x@malipo.test", role=role, is_active=False).has_perm(permission)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "status"), [(Role.SUPPORT, 200), (Role.FINANCE, 200), (Role.ADMIN, 200), (Role.CLIENT, 302)]
)
def test_who_may_open_the_list_of_people(client: Client, role: Role, status: int) -> None:
    client.force_login(User.objects.create_user("x@malipo.test", role=role))
    assert client.get("/admin/accounts/user/").status_code == status


@pytest.mark.django_db
def test_only_admins_edit_people_and_nobody_deletes_them(client: Client) -> None:
    person = User.objects.create_user("p@malipo.test")
    form = {"email": "p@malipo.test", "name": "New", "role": "ADMIN", "is_active": "on"}
    for role, expected in [(Role.FINANCE, 403), (Role.ADMIN, 302)]:
        client.force_login(User.objects.create_user(f"{role}@malipo.test".lower(), role=role))
        assert client.post(f"/admin/accounts/user/{person.pk}/change/", form).status_code == expected
        assert client.post(f"/admin/accounts/user/{person.pk}/delete/").status_code == 403
    person.refresh_from_db()
    assert (person.role, person.is_staff, person.is_superuser) == (Role.ADMIN, True, False)


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 30])
def test_the_list_of_people_takes_the_same_queries(client: Client, django_assert_num_queries, count: int) -> None:
    client.force_login(User.objects.create_superuser("root@malipo.test"))
    for n in range(count):
        User.objects.create_user(f"p{n}@malipo.test").set_phone("0712345678")
    with django_assert_num_queries(4):
        client.get("/admin/accounts/user/")

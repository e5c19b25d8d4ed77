"""The list behind the bell, what one chose; in development the mailbox."""

from django.urls import path

from notifications import views

app_name = "notifications"
urlpatterns = [
    path("notifications/", views.listing, name="list"),
    path("notifications/bell/", views.bell, name="bell"),
    path("notifications/seen/", views.seen, name="seen"),
    path("notifications/<int:id>/", views.opened, name="open"),
    path("notifications/settings/", views.preferences, name="settings"),
    path("dev/mail/", views.mail, name="mail"),
    path("dev/mail/<int:id>/", views.mail_html, name="mail_html"),
]

"""Addresses of the sessions' pages."""

from django.urls import path

from sessions_booking.views import practice, sessions, therapists

app_name = "sessions_booking"

urlpatterns = [
    path("therapists/", therapists.therapists, name="therapists"),
    path("therapists/<int:therapist_id>/", therapists.therapist, name="therapist"),
    path("therapists/<int:therapist_id>/book/", therapists.book, name="book"),
    path("sessions/", sessions.sessions, name="sessions"),
    path("sessions/<str:code>/", sessions.session, name="session"),
    path("sessions/<str:code>/pay/", sessions.pay, name="pay"),
    path("sessions/<str:code>/approve/", sessions.approve, name="approve"),
    path("sessions/<str:code>/decline/", sessions.decline, name="decline"),
    path("sessions/<str:code>/cancel/", sessions.cancel, name="cancel"),
    path("sessions/<str:code>/move/", sessions.move, name="move"),
    path("sessions/<str:code>/session.ics", sessions.calendar_file, name="calendar"),
    path("practice/", practice.practice, name="practice"),
    path("practice/hours/", practice.hours, name="hours"),
]

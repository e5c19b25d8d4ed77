"""Addresses of the API of sessions (seed 001)."""

from django.urls import path

from sessions_booking import api, api_acts

urlpatterns = [
    path("api/therapists", api.Therapists.as_view()),
    path("api/therapists/<int:therapist_id>/slots", api.Slots.as_view()),
    path("api/sessions", api_acts.SessionsAndBooking.as_view()),
    path("api/sessions/<slug:session_id>", api.Session.as_view()),
    path("api/sessions/<slug:session_id>/approve", api_acts.Approve.as_view()),
    path("api/sessions/<slug:session_id>/decline", api_acts.Decline.as_view()),
    path("api/sessions/<slug:session_id>/cancel", api_acts.Cancel.as_view()),
    path("api/sessions/<slug:session_id>/reschedule", api_acts.Reschedule.as_view()),
    path("api/mpesa/status/<slug:session_id>", api.PaymentStatus.as_view()),
]

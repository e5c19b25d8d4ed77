"""Therapy sessions (seed 001): booked, approved, paid, held. The model is called Booking; pages and APIs say "session"."""

"""Therapy sessions (seed 001): booked, approved, paid. Nothing stands here yet; the thing to pay for comes with `payments.payable`."""

"""What people are told: a row first, then e-mail, SMS or a line in the bell (NOT-1, NOT-2)."""

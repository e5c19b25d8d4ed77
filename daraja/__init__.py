"""Safaricom's words, and the only code that speaks them: no models, no settings, no tasks."""

"""The one distinction that sending knows: certainly not sent, or perhaps sent (design.md, idea 6)."""


class Refused(Exception):
    """Raised by a handler: certainly not sent, so it may be tried again. Every other exception means: perhaps sent."""

"""The alphabet of phones (GSM 03.38): 160 characters are one SMS; one character outside of it makes them 70."""

import unicodedata

LONGEST = 160
BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_SAME = str.maketrans({"–": "-", "—": "-", "’": "'", "‘": "'", "“": '"', "”": '"', "…": "...", "\u00a0": " "})


def plain(text: str) -> str:
    """Each character by itself where phones have it, else without its accent, else left out."""
    return "".join(_character(one) for one in text.translate(_SAME))


def fits(text: str) -> bool:
    return len(text) <= LONGEST and BASIC.issuperset(text)


def cut(text: str) -> str:
    return plain(text)[:LONGEST].rstrip()


def _character(one: str) -> str:
    if one in BASIC:
        return one
    return "".join(part for part in unicodedata.normalize("NFKD", one) if part in BASIC)

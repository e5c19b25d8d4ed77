"""Where a request really comes from, and whether that place is on a list."""

import functools
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@functools.lru_cache(maxsize=1024)
def parse(text: str) -> Address | None:
    """An address; IPv4 written as IPv6 (`::ffff:1.2.3.4`) is IPv4, and a zone (`%eth0`) is no part of it. None where
    it is none."""
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


@functools.lru_cache(maxsize=32)
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


def listed(address: str | None, networks: Sequence[str]) -> bool:
    """Whether the address lies in one of the networks ("196.201.214.200", "127.0.0.0/8")."""
    return _listed(address or "", tuple(networks))


@functools.lru_cache(maxsize=1024)
def _listed(address: str, networks: tuple[str, ...]) -> bool:
    """Kept: M-Pesa calls thousands of times from a handful of addresses."""
    found = parse(address)
    return found is not None and any(found in network for network in _networks(networks))


def client_address(meta: Mapping[str, str], trusted_proxies: Sequence[str]) -> str | None:
    """The peer, or behind trusted proxies the last address that none of them added.

    X-Forwarded-For is believed only as far as trusted proxies wrote it: anybody can send one.
    """
    hops = [meta.get("REMOTE_ADDR", "")]
    if listed(hops[0], trusted_proxies):
        hops = [*meta.get("HTTP_X_FORWARDED_FOR", "").split(","), hops[0]]
    while len(hops) > 1 and listed(hops[-1], trusted_proxies):
        hops.pop()
    found = parse(hops[-1])
    return str(found) if found else None

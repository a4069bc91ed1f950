"""Where a request comes from, when proxies stand between. Nobody but a trusted proxy is believed about it."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.requests import HTTPConnection

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_LOCAL = "local"
"""The peer on a unix socket, which has no address."""


def client_address(request: HTTPConnection, trusted: Sequence[Network]) -> str:
    """The address of whoever sent the request to us or to the first of our trusted proxies."""
    peer = request.client.host if request.client else _LOCAL
    if not trusted:
        return peer
    return forwarded_address(peer, request.headers.getlist("x-forwarded-for"), trusted)


def forwarded_address(peer: str, forwarded_for: Iterable[str], trusted: Sequence[Network]) -> str:
    """The rightmost address of `X-Forwarded-For` that is not a trusted proxy's, if the peer is one; else the peer.

    Each proxy appends the address it got the request from, so whatever is left of an untrusted hop may be invented.
    """
    address = _parsed(peer)
    hops = [hop for line in forwarded_for for hop in line.split(",")]
    while address is not None and hops and _is_in(address, trusted):
        hop = _parsed(hops.pop())
        if hop is None:
            break
        address = hop
    return peer if address is None else str(address)


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _parsed(text: str) -> Address | None:
    """The address in `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]` and `[::1]:80`; None for anything else."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address

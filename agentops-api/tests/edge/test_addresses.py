"""Nobody but a trusted proxy is believed about where a request comes from."""

from ipaddress import ip_network

import pytest
from agentops_api.edge.addresses import client_address, forwarded_address
from starlette.requests import HTTPConnection

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        # A stranger's header is not looked at.
        ("203.0.113.9", ["1.1.1.1"], "203.0.113.9"),
        ("203.0.113.9", ["10.0.0.1"], "203.0.113.9"),
        # A trusted proxy's is, from the right; what an untrusted hop put before it is its own invention.
        ("10.0.0.1", ["1.1.1.1"], "1.1.1.1"),
        ("10.0.0.1", ["6.6.6.6, 1.1.1.1"], "1.1.1.1"),
        ("10.0.0.1", ["6.6.6.6, 1.1.1.1, 10.2.3.4"], "1.1.1.1"),
        ("10.0.0.1", ["6.6.6.6", "1.1.1.1,10.2.3.4"], "1.1.1.1"),
        ("10.0.0.1", ["10.9.9.9"], "10.9.9.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        # What cannot be read ends the walk at the hop that sent it.
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["1.1.1.1, _hidden, 10.2.3.4"], "10.2.3.4"),
        ("10.0.0.1", ["1.1.1.1:4711"], "1.1.1.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("10.0.0.1", ["2001:DB8:0::1"], "2001:db8::1"),
        ("fd00::1", ["2001:db8::1"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["::ffff:1.1.1.1"], "1.1.1.1"),
        ("local", ["1.1.1.1"], "local"),
    ],
)
def test_the_rightmost_untrusted_hop_is_the_client(peer: str, forwarded_for: list[str], address: str) -> None:
    assert forwarded_address(peer, forwarded_for, TRUSTED) == address


def test_without_trusted_proxies_the_peer_is_the_client() -> None:
    scope = {"type": "http", "client": ("10.0.0.1", 1), "headers": [(b"x-forwarded-for", b"1.1.1.1")]}
    assert client_address(HTTPConnection(scope), ()) == "10.0.0.1"
    assert client_address(HTTPConnection(scope), TRUSTED) == "1.1.1.1"
    assert client_address(HTTPConnection({"type": "http", "client": None, "headers": []}), TRUSTED) == "local"

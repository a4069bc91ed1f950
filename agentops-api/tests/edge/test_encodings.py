"""Which encoding of an answer is sent (RFC 9110, section 12.5.3)."""

import pytest
from agentops_api.edge.encodings import preferred, quality


@pytest.mark.parametrize(
    ("accepted", "sent"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("*", "br"),
        ("*, br;q=0", "gzip"),
        ("gzip;q=0.9, br;q=0.1", "gzip"),
        ("br;q=0.5, gzip;q=0.5", "br"),
        ("BR ; Q=1.0", "br"),
        ("gzip;q=0", "identity"),
        ("gzip;q=0.000, *;q=0", "identity"),
        ("identity, gzip;q=0.5", "identity"),
        ("identity;q=0.5, gzip", "gzip"),
        ("gzip;q=nonsense", "identity"),
        ("bromine, gzipped", "identity"),
        (",;,;q=1", "identity"),
        ("", "identity"),
    ],
)
def test_the_client_gets_what_it_likes_best_of_what_there_is(accepted: str, sent: str) -> None:
    assert preferred(accepted, ("br", "gzip")) == sent


def test_a_weight_lies_between_0_and_1() -> None:
    assert [quality(f"gzip;q={q}", "gzip") for q in ("-1", "0", "0.3", "1", "7")] == [0.0, 0.0, 0.3, 1.0, 1.0]
    assert quality("gzip;level=9;q=0.2", "gzip") == 0.2

"""Access and refresh tokens: one shape is good, and everything else is refused, quickly."""

import base64
import json
from datetime import UTC, datetime, timedelta
from time import process_time
from uuid import UUID

import jwt
import pytest
from agentops_api import clock, ids
from agentops_api.auth import tokens
from agentops_api.auth.tokens import SigningKeys, mint, read
from agentops_api.errors import Unauthenticated
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

KEYS = SigningKeys("one-key-of-more-than-thirty-two-bytes-0123")
OTHER = "another-key-of-more-than-thirty-two-bytes-9"
USER, SESSION = UUID(int=1), UUID(int=2)


def a_token(at: datetime | None = None, keys: SigningKeys = KEYS, kind: tokens.Kind = "access") -> str:
    return mint(keys, kind, user_id=USER, session_id=SESSION, generation=3, at=at or clock.now())


def claims(**changed: object) -> dict[str, object]:
    now = int(clock.now().timestamp())
    good: dict[str, object] = {
        "iss": "agentops",
        "aud": "agentops-api",
        "typ": "access",
        "sub": str(USER),
        "sid": str(SESSION),
        "iat": now,
        "exp": now + 60,
    }
    return {name: value for name, value in (good | changed).items() if value is not ...}


def signed(key: str = KEYS.current, headers: dict[str, object] | None = None, **changed: object) -> str:
    return jwt.encode(claims(**changed), key, algorithm="HS256", headers=headers)


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def with_public_pem_as_secret() -> str:
    """What a server would accept that checked an RS256 token's signature by whatever `alg` says."""
    public = rsa.generate_private_key(65537, 2048).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    algorithm = jwt.get_algorithm_by_name("HS256")
    text = f"{segment({'alg': 'HS256', 'typ': 'JWT'})}.{segment(claims())}"
    signature = algorithm.sign(text.encode(), pem)
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_a_token_says_who_and_in_which_session() -> None:
    access = read(KEYS, "access", a_token())
    assert (access.sub, access.sid, access.gen) == (USER, SESSION, 0)
    assert read(KEYS, "refresh", a_token(kind="refresh")).gen == 3
    assert a_token().startswith("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.")


def test_the_control_for_the_refusals_below_is_good() -> None:
    assert read(KEYS, "access", signed()).sub == USER


def refused() -> dict[str, str]:
    now = int(clock.now().timestamp())
    good = signed()
    head, body, signature = good.split(".")
    return {
        "no text": "",
        "one word": "token",
        "dots only": "..",
        "alg none": f"{segment({'alg': 'none', 'typ': 'JWT'})}.{body}.",
        "alg None with our header": f"{head}.{body}.",
        "HS256 with a public PEM": with_public_pem_as_secret(),
        "HS512": jwt.encode(claims(), KEYS.current * 2, algorithm="HS512"),
        "another key": signed(OTHER),
        "a wrong kid": signed(headers={"kid": "../../dev/null"}),
        "a jku": signed(headers={"jku": "http://127.0.0.1:9/keys"}),
        "a jwk": signed(headers={"jwk": {"kty": "oct", "k": "AAAA"}}),
        "an x5u": signed(headers={"x5u": "http://127.0.0.1:9/cert"}),
        "crit": signed(headers={"crit": ["exp"]}),
        "detached": signed(headers={"b64": False, "crit": ["b64"]}),
        "expired": signed(exp=now - tokens.LEEWAY_S - 1),
        "not yet": signed(nbf=now + tokens.LEEWAY_S + 10),
        "issued tomorrow": signed(iat=now + 86_400),
        "no exp": signed(exp=...),
        "exp as text": signed(exp="tomorrow"),
        "exp infinite": signed(exp=float("inf")),
        "no iat": signed(iat=...),
        "no sub": signed(sub=...),
        "sub a number": signed(sub=1),
        "sub no uuid": signed(sub="admin"),
        "no sid": signed(sid=...),
        "wrong aud": signed(aud="another"),
        "aud a list": signed(aud=["agentops-api"]),
        "no aud": signed(aud=...),
        "wrong iss": signed(iss="another"),
        "no iss": signed(iss=...),
        "wrong type": signed(typ="refresh"),
        "no type": signed(typ=...),
        "a refresh token": a_token(kind="refresh"),
        "a changed signature": f"{head}.{body}.{'A' * len(signature)}",
        "a changed body": f"{head}.{segment(claims(sub=str(UUID(int=9))))}.{signature}",
        "body not JSON": f"{head}.AAAA.{signature}",
        "four parts": f"{good}.{signature}",
        "1 MB": f"{head}." + "A" * 1_000_000 + f".{signature}",
        "1 MB of dots": "." * 1_000_000,
        "not ASCII": f"{head}.é.{signature}",
        "a surrogate": f"{head}.\ud800.{signature}",
        "deep JSON": f"{head}.{base64.urlsafe_b64encode(b'[' * 3_000).decode()}.{signature}",
    }


@pytest.mark.parametrize("name", refused())
def test_every_other_token_is_refused_within_10_ms(name: str) -> None:
    token = refused()[name]
    started = process_time()
    with pytest.raises(Unauthenticated):
        read(KEYS, "access", token)
    assert process_time() - started < 0.1, "ten times the bound, because the machine may be busy"


def test_an_access_token_is_no_refresh_token() -> None:
    with pytest.raises(Unauthenticated):
        read(KEYS, "refresh", a_token())


def test_a_token_signed_before_a_rotation_is_good_until_the_previous_key_is_forgotten() -> None:
    old = a_token()
    assert read(SigningKeys(OTHER, previous=KEYS.current), "access", old).sub == USER
    with pytest.raises(Unauthenticated):
        read(SigningKeys(OTHER), "access", old)


def test_clocks_may_be_a_minute_apart() -> None:
    now = datetime.now(UTC)
    life = timedelta(seconds=tokens.ACCESS_S)
    assert read(KEYS, "access", a_token(at=now + timedelta(seconds=50))).sub == USER
    assert read(KEYS, "access", a_token(at=now - life - timedelta(seconds=50))).sub == USER
    with pytest.raises(Unauthenticated):
        read(KEYS, "access", a_token(at=now - life - timedelta(seconds=70)))


def test_two_tokens_of_two_sessions_differ() -> None:
    first, second = (
        mint(KEYS, "access", user_id=USER, session_id=ids.new(), generation=0, at=clock.now()) for _ in "ab"
    )
    assert first != second

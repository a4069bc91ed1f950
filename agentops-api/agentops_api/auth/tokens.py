"""Our own tokens: JWTs signed with SECRET_KEY, which say who is there and in which session.

A token says nothing about rights: those are looked up, so that taking them away works at once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

import jwt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agentops_api.errors import Unauthenticated

ACCESS_S = 1_800
REFRESH_S = 30 * 24 * 3_600
LEEWAY_S = 60
"""How far the clocks of two servers may be apart."""
TOKEN_CHARS_MAX = 8_192
_ISSUER = "agentops"
_AUDIENCE = "agentops-api"
# {"alg":"HS256","typ":"JWT"}. A token whose header is anything else was not made here, so `none`, another
# algorithm, a `kid` or a `jku` is refused before it is even read (RFC 8725, sections 3.1 and 3.10).
_HEADER = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."

Kind = Literal["access", "refresh"]
KINDS: tuple[Kind, Kind] = ("access", "refresh")


@dataclass(frozen=True, slots=True, repr=False)
class SigningKeys:
    """What signs tokens, and what signed them before the last rotation."""

    current: str
    previous: str | None = None


class Claims(BaseModel):
    """What a good token says."""

    model_config = ConfigDict(frozen=True)

    typ: Kind
    sub: UUID
    sid: UUID
    gen: Annotated[int, Field(ge=0, lt=2**31, strict=True)] = 0
    """Of a refresh token: how many came before it in its session."""


def mint(keys: SigningKeys, kind: Kind, *, user_id: UUID, session_id: UUID, generation: int, at: datetime) -> str:
    """A token that works from `at` on for ACCESS_S or REFRESH_S seconds."""
    life = timedelta(seconds=ACCESS_S if kind == "access" else REFRESH_S)
    claims: dict[str, object] = {
        "iss": _ISSUER,
        "aud": _AUDIENCE,
        "typ": kind,
        "sub": str(user_id),
        "sid": str(session_id),
        "iat": at,
        "exp": at + life,
    }
    if kind == "refresh":
        claims["gen"] = generation
    return jwt.encode(claims, keys.current, algorithm="HS256")


def is_ours(text: str) -> bool:
    """It may be a token of ours, and may be refused otherwise; tells them from those of Supabase Auth."""
    return text.startswith(_HEADER)


def read(keys: SigningKeys, kind: Kind, text: str) -> Claims:
    """The claims of a good token of this kind. Raises Unauthenticated for every other text, however broken."""
    if len(text) > TOKEN_CHARS_MAX or not text.startswith(_HEADER):
        raise Unauthenticated(_REFUSED)
    payload = _verified(text, keys.current)
    if payload is None and keys.previous is not None:
        payload = _verified(text, keys.previous)
    if payload is None:
        raise Unauthenticated(_REFUSED)
    try:
        claims = Claims.model_validate(payload)
    except ValidationError:
        raise Unauthenticated(_REFUSED) from None
    if claims.typ != kind:
        raise Unauthenticated(_REFUSED)
    return claims


_REFUSED = "The token is not, or no longer, good; log in again."


def _verified(text: str, key: str) -> dict[str, object] | None:
    try:
        return jwt.decode(
            text,
            key,
            algorithms=["HS256"],
            audience=_AUDIENCE,
            issuer=_ISSUER,
            leeway=LEEWAY_S,
            options={"require": ["iss", "aud", "exp", "iat", "sub"], "strict_aud": True},
        )
    except (jwt.PyJWTError, ValueError):
        # ValueError: text that is not UTF-8, and numbers beyond what Python reads.
        return None

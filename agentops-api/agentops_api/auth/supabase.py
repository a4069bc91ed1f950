"""Tokens of a Supabase project's Auth, as bearer tokens here.

The project publishes its public keys (JWKS). They are fetched when a token names a key that is not known, and every
ten minutes, but never twice within a minute: whoever sends invented key names makes one request a minute, not a flood.
"""

import asyncio
import logging
from collections.abc import Mapping
from time import monotonic
from types import TracebackType
from typing import Self
from uuid import UUID

import httpx2
import jwt
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from agentops_api.auth.tokens import LEEWAY_S, TOKEN_CHARS_MAX
from agentops_api.errors import Unauthenticated, Unavailable

FETCH_INTERVAL_S_MIN = 60.0
_KEYS_AGE_S_MAX = 600.0
_FETCH_S_MAX = 5.0
_JWKS_BYTES_MAX = 65_536
_AUDIENCE = "authenticated"
_REQUIRED = ["iss", "aud", "exp", "sub"]
_REFUSED = "The token is not, or no longer, good; log in again at Supabase."
_OBJECT: TypeAdapter[dict[str, object]] = TypeAdapter(dict[str, object])
_log = logging.getLogger(__name__)


class SupabaseUser(BaseModel):
    """What a good token says about its holder."""

    model_config = ConfigDict(frozen=True)

    sub: UUID
    email: str | None = None
    """None or empty for those who signed up by telephone."""
    user_metadata: dict[str, object] | None = None
    """What the person themselves wrote there: anything."""

    @property
    def full_name(self) -> str | None:
        """The name given at sign-up, if it is one that can be shown."""
        name = (self.user_metadata or {}).get("full_name")
        return name.strip()[:200] or None if isinstance(name, str) and name.isprintable() else None


class Supabase:
    """Reads the tokens of one Supabase project. An async context manager: it keeps a connection open."""

    def __init__(self, url: str, *, legacy_secret: str | None = None) -> None:
        self._issuer = url.rstrip("/") + "/auth/v1"
        self._legacy_secret = legacy_secret
        self._http = httpx2.AsyncClient(timeout=_FETCH_S_MAX, follow_redirects=False)
        self._keys: dict[str, jwt.PyJWK] = {}
        self._tried_at: float | None = None
        self._fetched_at: float | None = None
        self._fetching = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def read(self, text: str) -> SupabaseUser:
        """Who holds the token. Raises Unauthenticated; Unavailable while no keys could be fetched to decide."""
        if len(text) > TOKEN_CHARS_MAX:
            raise Unauthenticated(_REFUSED)
        try:
            header = _OBJECT.validate_python(jwt.get_unverified_header(text))
            key, algorithm = await self._key(header)
            payload = _OBJECT.validate_python(
                jwt.decode(
                    text,
                    key,
                    algorithms=[algorithm],
                    audience=_AUDIENCE,
                    issuer=self._issuer,
                    leeway=LEEWAY_S,
                    options={"require": _REQUIRED, "enforce_minimum_key_length": True},
                )
            )
            user = SupabaseUser.model_validate(payload)
        except (jwt.PyJWTError, ValidationError, ValueError):
            raise Unauthenticated(_REFUSED) from None
        return user

    async def _key(self, header: Mapping[str, object]) -> tuple[jwt.PyJWK | str, str]:
        """The key and the one algorithm it is good for. The token's `alg` and `kid` only choose among our keys."""
        if header.get("alg") == "HS256":
            if self._legacy_secret is None:
                raise Unauthenticated(_REFUSED)
            return self._legacy_secret, "HS256"
        kid = header.get("kid")
        if header.get("alg") not in {"ES256", "RS256"} or not isinstance(kid, str):
            raise Unauthenticated(_REFUSED)
        if kid not in self._keys or self._is_old():
            await self._fetch_at_most_once_a_minute()
        if kid in self._keys:
            return self._keys[kid], self._keys[kid].algorithm_name
        if self._fetched_at is None:
            raise Unavailable("Supabase's keys cannot be fetched; try again.", retry_after_s=60)
        raise Unauthenticated(_REFUSED)

    def _is_old(self) -> bool:
        return self._fetched_at is None or monotonic() - self._fetched_at > _KEYS_AGE_S_MAX

    async def _fetch_at_most_once_a_minute(self) -> None:
        async with self._fetching:
            if self._tried_at is not None and monotonic() - self._tried_at < FETCH_INTERVAL_S_MIN:
                return
            self._tried_at = monotonic()
            try:
                async with asyncio.timeout(_FETCH_S_MAX):
                    self._keys = _public_keys(await self._jwks())
            except (httpx2.HTTPError, TimeoutError, ValueError) as error:
                # The known keys stay good: Supabase being away must not log everybody out.
                _log.warning("The keys of Supabase Auth could not be fetched: %s", type(error).__name__)
                return
            self._fetched_at = monotonic()

    async def _jwks(self) -> bytes:
        body = bytearray()
        url = self._issuer + "/.well-known/jwks.json"
        async with self._http.stream("GET", url) as response:
            response.raise_for_status()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _JWKS_BYTES_MAX:
                    raise ValueError("the key set is too large")
        return bytes(body)


class _KeySet(BaseModel):
    keys: list[dict[str, object]]


def _public_keys(body: bytes) -> dict[str, jwt.PyJWK]:
    """The usable keys of a JWKS document by their ids. Raises ValueError when it is none.

    Symmetric keys are never taken from it: they would be secrets that everybody can read.
    """
    found: dict[str, jwt.PyJWK] = {}
    for entry in _KeySet.model_validate_json(body).keys:
        kid = entry.get("kid")
        if not isinstance(kid, str) or entry.get("kty") not in {"EC", "RSA"}:
            continue
        try:
            key = jwt.PyJWK(entry)
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        if key.algorithm_name in {"ES256", "RS256"}:
            found[kid] = key
    return found

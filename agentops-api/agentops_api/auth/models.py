"""People, their sessions and their API keys: what crosses the wire, and the rules that need nothing else.

Knows no HTTP, no SQL and no clock.
"""

import secrets
import zlib
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Literal
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from agentops_api.projects.models import Name, Organization

Scope = Literal["ingest", "read", "write"]
SCOPES: tuple[Scope, ...] = ("ingest", "read", "write")

PASSWORD_CHARS_MIN = 8
PASSWORD_CHARS_MAX = 128
_EMAIL_CHARS_MAX = 254

KEY_PREFIX = "agops_"
KEY_CHARS = 42
_RANDOM_CHARS = 30
_CHECKSUM_CHARS = 6
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def new_key() -> str:
    """An API key: the prefix, 30 random base62 characters (178 bits), and their checksum in 6 more."""
    body = KEY_PREFIX + "".join(secrets.choice(_BASE62) for _ in range(_RANDOM_CHARS))
    return body + _checksum(body)


def is_key(text: str) -> bool:
    """It has the shape and checksum of an API key. Anybody can make such a text; this only saves a look-up."""
    return (
        len(text) == KEY_CHARS
        and text.startswith(KEY_PREFIX)
        and text.isascii()
        and text[-_CHECKSUM_CHARS:] == _checksum(text[:-_CHECKSUM_CHARS])
    )


def hash_of_key(key: str) -> bytes:
    """What is stored of a key, and looked up.

    One round of SHA-256 without salt, which would be wrong for passwords, is enough here: of 2^178 equally
    likely keys none is ever guessed from its hash, however fast the guessing, and nobody has another's by chance.
    """
    return sha256(key.encode()).digest()


def preview_of_key(key: str) -> str:
    """What may be shown of a key, so that its owner recognises it: `agops_ab12…wxyz`."""
    return f"{key[: len(KEY_PREFIX) + 4]}…{key[-4:]}"


def _checksum(body: str) -> str:
    # CRC-32 is below 62^6, so six digits hold it.
    rest, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM_CHARS):
        rest, digit = divmod(rest, 62)
        digits = _BASE62[digit] + digits
    return digits


def account_hash(email: str) -> bytes:
    """The name under which wrong passwords of an e-mail address are counted."""
    return sha256(email.encode()).digest()


@dataclass(frozen=True, slots=True)
class KeyCaller:
    """A program that showed a good API key."""

    key_id: UUID
    project_id: UUID
    scopes: frozenset[Scope]
    client: str
    """Under which name its requests are counted."""


@dataclass(frozen=True, slots=True)
class UserCaller:
    """A person who showed a good access token."""

    user_id: UUID
    session_id: UUID | None
    """None for a token of Supabase Auth, whose sessions are not ours to end."""
    client: str
    """Under which name their requests are counted."""


def normal_email(text: str) -> str:
    """The one spelling of an e-mail address: NFC, lower case. Raises ValueError; never asks the DNS."""
    try:
        found = validate_email(text.strip(), check_deliverability=False)
    except EmailNotValidError:
        # The library's own message quotes what was sent.
        raise ValueError("is not an e-mail address") from None
    return found.normalized.lower()


Email = Annotated[
    str,
    Field(max_length=_EMAIL_CHARS_MAX, json_schema_extra={"format": "email"}),
    AfterValidator(normal_email),
]
NewPassword = Annotated[str, Field(min_length=PASSWORD_CHARS_MIN, max_length=PASSWORD_CHARS_MAX)]
GivenPassword = Annotated[str, Field(min_length=1, max_length=PASSWORD_CHARS_MAX)]
# A longer one is never ours; PyJWT reads a whole token before it looks at its signature.
RefreshToken = Annotated[str, Field(min_length=1, max_length=8_192)]


_USER_EXAMPLE: JsonDict = {
    "id": "019ab3f2-7c40-7d1e-9b5a-3f6c8e2d1a01",
    "email": "user@example.com",
    "full_name": "John Doe",
    "created_at": "2026-11-02T09:30:00Z",
}
_PROJECT_ID_EXAMPLE = "019ab3f2-7c41-7a53-8c1d-5e7f9a0b2c03"
_KEY_EXAMPLE: JsonDict = {
    "id": "019ab3f4-10a8-7c2b-a6d4-1b3c5d7e9f05",
    "name": "My Production Key",
    "preview": "agops_ab12…wxyz",
    "project_id": _PROJECT_ID_EXAMPLE,
    "scopes": ["ingest", "read", "write"],
    "created_at": "2026-11-02T09:32:00Z",
    "expires_at": None,
    "is_active": True,
}


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)


class _Output(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Register(_Input):
    """A new account."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"email": "user@example.com", "password": "securepassword123", "full_name": "John Doe"}]
        }
    )

    email: Email
    """Case does not matter."""
    password: NewPassword
    """Any 8 to 128 characters, unless it is one of the 3,000 most common passwords."""
    full_name: Name | None = None
    """For other people to read."""


class Login(_Input):
    """Who is there."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "user@example.com", "password": "securepassword123"}]}
    )

    email: Email
    """As registered; case does not matter."""
    password: GivenPassword
    """As registered; compared byte by byte."""


class Refresh(_Input):
    """A refresh token; browsers leave the body out and send their cookie."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"refresh_token": "eyJhbGciOi…"}]})

    refresh_token: RefreshToken | None = None
    """The newest one; each works once."""


class ChangePassword(_Input):
    """A new password, and the proof that the old one is known."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"current_password": "securepassword123", "new_password": "correct-horse-battery"}]
        }
    )

    current_password: GivenPassword
    """The one that works now."""
    new_password: NewPassword
    """Any 8 to 128 characters, unless it is one of the 3,000 most common passwords."""


class ChangeMe(_Input):
    """What is to be different about oneself."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"full_name": "Jane Doe"}]})

    full_name: Name | None
    """For other people to read; null for none."""


class NewKey(_Input):
    """A key to be made."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "My Production Key"}]})

    name: Name
    """For people, in lists."""
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(SCOPES))] = list(SCOPES)
    """What it may do: `ingest` sends evaluations, `read` reads them, `write` deletes them. Not sent: all three."""
    expires_at: AwareDatetime | None = None
    """When it stops working, with an offset from UTC. Not sent: never."""
    project_id: UUID | None = None
    """The project it is for. Not sent: the default one."""


class User(_Output):
    """A person."""

    model_config = ConfigDict(json_schema_extra={"examples": [_USER_EXAMPLE]})

    id: UUID
    """Stable."""
    email: str
    """In its one spelling."""
    full_name: str | None
    """For other people to read."""
    created_at: AwareDatetime
    """When they registered."""


class Tokens(_Output):
    """What a session is worked with."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "access_token": "eyJhbGciOi…",
                    "token_type": "bearer",
                    "expires_in": 1800,
                    "refresh_token": "eyJhbGciOi…",
                }
            ]
        }
    )

    access_token: str
    """Send it as `Authorization: Bearer …`."""
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the scheme's name, not a secret
    """Always `bearer`."""
    expires_in: int
    """Seconds for which the access token works."""
    refresh_token: str | None
    """Buys the next pair, once; using it twice ends the session. Null where it travels in the cookie."""


class Me(_Output):
    """The caller, and where they may work."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user": _USER_EXAMPLE,
                    "organizations": [
                        {
                            "id": "019ab3f2-7c41-7f00-b2a9-4c6d8e0f1a02",
                            "name": "John Doe",
                            "role": "owner",
                            "projects": [{"id": _PROJECT_ID_EXAMPLE, "name": "Default", "is_default": True}],
                        }
                    ],
                }
            ]
        }
    )

    user: User
    """The caller."""
    organizations: list[Organization]
    """The personal one first, then oldest first."""


_OPEN_SESSION: JsonDict = {
    "id": "019ab3f2-9d10-7b6e-8a2c-5d7f9b1e3c04",
    "address": "203.0.113.7",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/152.0",
    "created_at": "2026-11-02T09:30:00Z",
    "refreshed_at": "2026-11-02T10:00:00Z",
    "expires_at": "2026-12-02T10:00:00Z",
    "is_current": True,
}


class OpenSession(_Output):
    """Where somebody is logged in."""

    id: UUID
    """Stable; what ending it takes."""
    address: str
    """The IP address that logged in."""
    user_agent: str
    """The browser or program that logged in, as it calls itself; may be empty."""
    created_at: AwareDatetime
    """When it logged in."""
    refreshed_at: AwareDatetime
    """When it last got new tokens, which it does at least every half hour while it is used."""
    expires_at: AwareDatetime
    """When it ends unless it is used."""
    is_current: bool
    """It is the session that asks."""


class OpenSessions(_Output):
    """A page of open sessions, newest first."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"data": [_OPEN_SESSION], "next_cursor": None, "has_more": False}]}
    )

    data: list[OpenSession]
    """Of this page."""
    next_cursor: UUID | None
    """What `cursor` takes for the next page; null on the last."""
    has_more: bool
    """There is a next page."""


class Key(_Output):
    """An API key, without the key."""

    id: UUID
    """Stable; what revoking takes."""
    name: str
    """For people."""
    preview: str
    """Its beginning and end."""
    project_id: UUID
    """The project it works in."""
    scopes: list[Scope]
    """What it may do."""
    created_at: AwareDatetime
    """When it was made."""
    expires_at: AwareDatetime | None
    """When it stops working by itself."""
    last_used_at: AwareDatetime | None
    """When it last worked; up to two minutes late."""
    is_active: bool
    """It is neither revoked nor expired."""


class CreatedKey(_Output):
    """A new API key. This is the only time that it is shown."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_KEY_EXAMPLE, "key": "agops_ab12…"}]})

    id: UUID
    """Stable; what revoking takes."""
    name: str
    """For people."""
    key: str
    """The secret itself: keep it, it is stored nowhere."""
    created_at: AwareDatetime
    """When it was made."""
    is_active: bool
    """It is neither revoked nor expired."""
    project_id: UUID
    """The project it works in."""
    scopes: list[Scope]
    """What it may do."""
    expires_at: AwareDatetime | None
    """When it stops working by itself."""
    preview: str
    """What lists will show of it."""


class Keys(_Output):
    """A page of API keys, newest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"data": [{**_KEY_EXAMPLE, "last_used_at": None}], "next_cursor": None, "has_more": False}]
        }
    )

    data: list[Key]
    """Of this page."""
    next_cursor: UUID | None
    """What `cursor` takes for the next page; null on the last."""
    has_more: bool
    """There is a next page."""

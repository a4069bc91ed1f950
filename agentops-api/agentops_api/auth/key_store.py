"""API keys in PostgreSQL, of which only hashes are kept. Begins and ends no transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from agentops_api.auth.models import Key, Scope
from agentops_api.db.pool import Tx, every, one
from agentops_api.projects.models import Role


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What a good key opens."""

    id: UUID
    project_id: UUID
    scopes: list[Scope]


async def key_of_hash(tx: Tx, key_hash: bytes, at: datetime) -> StoredKey | None:
    """The key with this hash, unless it is revoked or expired. For the system."""
    return await one(
        tx,
        StoredKey,
        """
        SELECT id, project_id, scopes FROM api_keys
        WHERE key_hash = %(key_hash)s AND revoked_at IS NULL
          AND (expires_at IS NULL OR expires_at > %(at)s)
        """,
        {"key_hash": key_hash, "at": at},
    )


async def touch_keys(tx: Tx, used_at: Mapping[UUID, datetime]) -> None:
    """Notes when keys were used, unless it is known to the minute. For the system."""
    # A key that another process is just noting is skipped, so that two of them never wait for each other.
    await tx.execute(
        """
        WITH used AS (
            SELECT * FROM unnest(%(ids)s::uuid[], %(times)s::timestamptz[]) AS used (id, at)
        ), due AS (
            SELECT k.id, used.at FROM api_keys AS k
            JOIN used ON used.id = k.id
            WHERE k.last_used_at IS NULL OR k.last_used_at < used.at - interval '1 minute'
            FOR UPDATE OF k SKIP LOCKED
        )
        UPDATE api_keys AS k SET last_used_at = due.at FROM due WHERE k.id = due.id
        """,
        {"ids": list(used_at), "times": list(used_at.values())},
    )


async def insert_key(
    tx: Tx,
    id: UUID,
    *,
    project_id: UUID,
    user_id: UUID,
    name: str,
    key_hash: bytes,
    preview: str,
    scopes: list[Scope],
    at: datetime,
    expires_at: datetime | None,
) -> None:
    """A new key of a person's project."""
    await tx.execute(
        """
        INSERT INTO api_keys (id, project_id, created_by, name, key_hash, preview, scopes, created_at, expires_at)
        VALUES (%(id)s, %(project_id)s, %(user_id)s, %(name)s, %(key_hash)s, %(preview)s, %(scopes)s, %(at)s,
                %(expires_at)s)
        """,
        {
            "id": id,
            "project_id": project_id,
            "user_id": user_id,
            "name": name,
            "key_hash": key_hash,
            "preview": preview,
            "scopes": scopes,
            "at": at,
            "expires_at": expires_at,
        },
    )


async def keys(
    tx: Tx, user_id: UUID, *, project_id: UUID | None, before: UUID | None, limit: int, at: datetime
) -> list[Key]:
    """Keys of the person's projects, newest first, from after the key `before` on."""
    return await every(
        tx,
        Key,
        """
        SELECT k.id, k.name, k.preview, k.project_id, k.scopes, k.created_at, k.expires_at, k.last_used_at,
               k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > %(at)s) AS is_active
        FROM memberships AS m
        JOIN projects AS p ON p.organization_id = m.organization_id
        JOIN api_keys AS k ON k.project_id = p.id
        WHERE m.user_id = %(user_id)s
          AND (%(project_id)s::uuid IS NULL OR k.project_id = %(project_id)s)
          AND (%(before)s::uuid IS NULL OR k.id < %(before)s)
        ORDER BY k.id DESC
        LIMIT %(limit)s
        """,
        {"user_id": user_id, "project_id": project_id, "before": before, "limit": limit, "at": at},
    )


@dataclass(frozen=True, slots=True)
class _Holder:
    role: Role


async def role_for_key(tx: Tx, user_id: UUID, key_id: UUID) -> Role | None:
    """What the person is in the key's project; None when it is not one of theirs, or there is no such key."""
    holder = await one(
        tx,
        _Holder,
        """
        SELECT m.role FROM api_keys AS k
        JOIN projects AS p ON p.id = k.project_id
        JOIN memberships AS m ON m.organization_id = p.organization_id
        WHERE k.id = %(key_id)s AND m.user_id = %(user_id)s
        """,
        {"key_id": key_id, "user_id": user_id},
    )
    return holder and holder.role


async def revoke_key(tx: Tx, key_id: UUID, at: datetime) -> None:
    """Ends a key; one that is revoked stays so."""
    await tx.execute(
        "UPDATE api_keys SET revoked_at = %(at)s WHERE id = %(key_id)s AND revoked_at IS NULL",
        {"key_id": key_id, "at": at},
    )

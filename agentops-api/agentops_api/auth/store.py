"""People, their sessions and their failures to log in, in PostgreSQL. Begins and ends no transaction.

All of it is done as the system, because it finds out who is calling; keys are in `key_store.py`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from agentops_api.auth.models import OpenSession, User
from agentops_api.auth.throttle import Failure
from agentops_api.db.pool import Tx, every, one


@dataclass(frozen=True, slots=True, repr=False)
class Account:
    """What is known of a person, their password's hash included: never to be shown."""

    id: UUID
    email: str
    provider: Literal["password", "supabase"]
    password_hash: str | None
    disabled_at: datetime | None


async def insert_user(
    tx: Tx, id: UUID, *, email: str, full_name: str | None, password_hash: str | None, at: datetime
) -> User | None:
    """A new person; None when their id or e-mail address is taken. Without password: one of Supabase Auth."""
    return await one(
        tx,
        User,
        """
        INSERT INTO users (id, email, full_name, provider, password_hash, created_at)
        VALUES (%(id)s, lower(%(email)s), %(full_name)s, %(provider)s, %(password_hash)s, %(at)s)
        ON CONFLICT DO NOTHING
        RETURNING id, email, full_name, created_at
        """,
        {
            "id": id,
            "email": email,
            "full_name": full_name,
            "provider": "supabase" if password_hash is None else "password",
            "password_hash": password_hash,
            "at": at,
        },
    )


async def account_of_email(tx: Tx, email: str) -> Account | None:
    """The account that logs in with this e-mail address and a password."""
    return await one(
        tx,
        Account,
        """
        SELECT id, email, provider, password_hash, disabled_at FROM users
        WHERE provider = 'password' AND email = lower(%(email)s)
        """,
        {"email": email},
    )


async def account(tx: Tx, user_id: UUID) -> Account | None:
    """The account with this id, of whatever provider."""
    return await one(
        tx,
        Account,
        "SELECT id, email, provider, password_hash, disabled_at FROM users WHERE id = %(user_id)s",
        {"user_id": user_id},
    )


async def user(tx: Tx, user_id: UUID) -> User | None:
    """What may be shown of a person."""
    return await one(
        tx,
        User,
        "SELECT id, email, full_name, created_at FROM users WHERE id = %(user_id)s",
        {"user_id": user_id},
    )


async def rename(tx: Tx, user_id: UUID, full_name: str | None) -> User | None:
    """What may be shown of the person, under their new name. Done as themselves."""
    return await one(
        tx,
        User,
        """
        UPDATE users SET full_name = %(full_name)s WHERE id = %(user_id)s
        RETURNING id, email, full_name, created_at
        """,
        {"user_id": user_id, "full_name": full_name},
    )


async def free_supabase_email(tx: Tx, user_id: UUID, email: str) -> None:
    """Takes the e-mail address from whoever had it at Supabase before: there, addresses are given anew."""
    await tx.execute(
        """
        UPDATE users SET email = id::text || '@former.invalid'
        WHERE provider = 'supabase' AND email = lower(%(email)s) AND id <> %(user_id)s
        """,
        {"user_id": user_id, "email": email},
    )


async def set_email(tx: Tx, user_id: UUID, email: str) -> None:
    """Follows a change of the address at Supabase."""
    await tx.execute(
        "UPDATE users SET email = lower(%(email)s) WHERE id = %(user_id)s",
        {"user_id": user_id, "email": email},
    )


async def set_password(tx: Tx, user_id: UUID, *, old_hash: str, new_hash: str) -> bool:
    """False when the password is not the old one any more."""
    updated = await tx.execute(
        "UPDATE users SET password_hash = %(new_hash)s"
        " WHERE id = %(user_id)s AND password_hash = %(old_hash)s AND disabled_at IS NULL",
        {"user_id": user_id, "old_hash": old_hash, "new_hash": new_hash},
    )
    return updated.rowcount == 1


async def insert_session(
    tx: Tx,
    id: UUID,
    *,
    user_id: UUID,
    password_hash: str,
    address: str,
    user_agent: str,
    at: datetime,
    expires_at: datetime,
) -> bool:
    """Opens a session; False when the account is disabled or its password is no longer the one that was shown."""
    # The lock makes a change of the password wait for this session, which it then revokes, or this wait for that.
    inserted = await tx.execute(
        """
        WITH holder AS (
            SELECT id FROM users
            WHERE id = %(user_id)s AND password_hash = %(password_hash)s AND disabled_at IS NULL
            FOR SHARE
        )
        INSERT INTO sessions (id, user_id, address, user_agent, created_at, refreshed_at, expires_at)
        SELECT %(id)s, holder.id, %(address)s, %(user_agent)s, %(at)s, %(at)s, %(expires_at)s FROM holder
        """,
        {
            "id": id,
            "user_id": user_id,
            "password_hash": password_hash,
            "address": address,
            "user_agent": user_agent,
            "at": at,
            "expires_at": expires_at,
        },
    )
    return inserted.rowcount == 1


async def session_is_open(tx: Tx, session_id: UUID, user_id: UUID, at: datetime) -> bool:
    """The session is this person's, neither ended nor expired, and the person is not disabled."""
    found = await tx.execute(
        """
        SELECT FROM sessions AS s
        JOIN users AS u ON u.id = s.user_id
        WHERE s.id = %(session_id)s AND s.user_id = %(user_id)s AND s.revoked_at IS NULL
          AND s.expires_at > %(at)s AND u.disabled_at IS NULL
        """,
        {"session_id": session_id, "user_id": user_id, "at": at},
    )
    return found.rowcount == 1


async def open_sessions(
    tx: Tx, user_id: UUID, *, current: UUID | None, before: UUID | None, limit: int, at: datetime
) -> list[OpenSession]:
    """The person's sessions that are neither ended nor expired, newest first, from after the session `before` on."""
    return await every(
        tx,
        OpenSession,
        """
        SELECT id, address, user_agent, created_at, refreshed_at, expires_at,
               coalesce(id = %(current)s::uuid, false) AS is_current
        FROM sessions
        WHERE user_id = %(user_id)s AND revoked_at IS NULL AND expires_at > %(at)s
          AND (%(before)s::uuid IS NULL OR id < %(before)s)
        ORDER BY id DESC
        LIMIT %(limit)s
        """,
        {"user_id": user_id, "current": current, "before": before, "limit": limit, "at": at},
    )


async def has_session(tx: Tx, user_id: UUID, session_id: UUID) -> bool:
    """The session is or was this person's."""
    found = await tx.execute(
        "SELECT FROM sessions WHERE id = %(session_id)s AND user_id = %(user_id)s",
        {"session_id": session_id, "user_id": user_id},
    )
    return found.rowcount == 1


async def advance_session(
    tx: Tx, session_id: UUID, user_id: UUID, *, generation: int, at: datetime, expires_at: datetime
) -> bool:
    """Uses up a generation of refresh tokens; False when it is used up already, or the session is over."""
    updated = await tx.execute(
        """
        UPDATE sessions AS s
        SET generation = s.generation + 1, refreshed_at = %(at)s, expires_at = %(expires_at)s
        FROM users AS u
        WHERE s.id = %(session_id)s AND s.user_id = %(user_id)s AND s.generation = %(generation)s
          AND s.revoked_at IS NULL AND s.expires_at > %(at)s
          AND u.id = s.user_id AND u.disabled_at IS NULL
        """,
        {
            "session_id": session_id,
            "user_id": user_id,
            "generation": generation,
            "at": at,
            "expires_at": expires_at,
        },
    )
    return updated.rowcount == 1


async def revoke_session(tx: Tx, session_id: UUID, at: datetime) -> None:
    """Ends a session; one that is over stays so."""
    await tx.execute(
        "UPDATE sessions SET revoked_at = %(at)s WHERE id = %(session_id)s AND revoked_at IS NULL",
        {"session_id": session_id, "at": at},
    )


async def revoke_sessions(tx: Tx, user_id: UUID, *, but: UUID | None, at: datetime) -> None:
    """Ends all sessions of a person, but one."""
    await tx.execute(
        """
        UPDATE sessions SET revoked_at = %(at)s
        WHERE user_id = %(user_id)s AND revoked_at IS NULL AND id IS DISTINCT FROM %(but)s::uuid
        """,
        {"user_id": user_id, "but": but, "at": at},
    )


async def has_been_at(tx: Tx, user_id: UUID | None, address: str) -> bool:
    """The person once logged in from this address. Nobody (None) never did, and that takes as long to say."""
    found = await tx.execute(
        "SELECT FROM sessions WHERE user_id = %(user_id)s AND address = %(address)s LIMIT 1",
        {"user_id": user_id, "address": address},
    )
    return found.rowcount == 1


async def lock_failures(tx: Tx, account: bytes) -> None:
    """Until the transaction ends, nobody else decides about this account's failures."""
    # Of an SHA-256, any eight bytes will do.
    await tx.execute("SELECT pg_advisory_xact_lock(%(name)s)", {"name": int.from_bytes(account[:8], signed=True)})


async def failures(tx: Tx, account: bytes, since: datetime) -> list[Failure]:
    """The account's wrong passwords, oldest first."""
    return await every(
        tx,
        Failure,
        """
        SELECT address, failed_at FROM login_failures
        WHERE account = %(account)s AND failed_at > %(since)s
        ORDER BY failed_at
        """,
        {"account": account, "since": since},
    )


async def insert_failure(tx: Tx, account: bytes, address: str, at: datetime) -> None:
    """Counts a wrong password."""
    await tx.execute(
        "INSERT INTO login_failures (account, address, failed_at) VALUES (%(account)s, %(address)s, %(at)s)",
        {"account": account, "address": address, "at": at},
    )


async def delete_failures(tx: Tx, account: bytes, address: str) -> None:
    """Forgives an address its wrong passwords, once it knew the right one."""
    await tx.execute(
        "DELETE FROM login_failures WHERE account = %(account)s AND address = %(address)s",
        {"account": account, "address": address},
    )


async def delete_what_is_over(tx: Tx, *, sessions_before: datetime, failures_before: datetime) -> None:
    """Deletes sessions that expired, and failures that no longer count, before these times."""
    await tx.execute("DELETE FROM sessions WHERE expires_at < %(before)s", {"before": sessions_before})
    await tx.execute("DELETE FROM login_failures WHERE failed_at < %(before)s", {"before": failures_before})

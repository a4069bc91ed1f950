"""Sessions: from a right password to the last refresh token."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from agentops_api import clock, ids
from agentops_api.auth import store, throttle, tokens
from agentops_api.auth.models import Tokens, account_hash
from agentops_api.auth.passwords import Passwords
from agentops_api.auth.tokens import SigningKeys
from agentops_api.db.pool import Database, Tx
from agentops_api.errors import Conflict, Forbidden, NotFound, TooManyRequests, Unauthenticated

_WRONG = "The e-mail address or the password is wrong."
_WRONG_CURRENT = "The current password is wrong."
_OVER = "The refresh token is not, or no longer, good; log in again."
_TOO_MANY = "Too many wrong passwords for this account; wait, or use another way in."
_USER_AGENT_CHARS_MAX = 400


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where somebody logs in from, as far as it is known."""

    address: str
    user_agent: str = ""


async def log_in(
    db: Database, passwords: Passwords, keys: SigningKeys, *, email: str, password: str, visitor: Visitor
) -> Tokens:
    """A new session. Raises Unauthenticated, or TooManyRequests after too many wrong passwords."""
    holder = await _prove(db, passwords, email=email, password=password, address=visitor.address)
    at = clock.now()
    session_id = ids.new(at)
    async with db.as_system() as tx:
        opened = await store.insert_session(
            tx,
            session_id,
            user_id=holder.user_id,
            password_hash=holder.password_hash,
            address=visitor.address,
            user_agent=visitor.user_agent.replace("\0", "")[:_USER_AGENT_CHARS_MAX],
            at=at,
            expires_at=at + timedelta(seconds=tokens.REFRESH_S),
        )
    if not opened:
        raise Unauthenticated(_WRONG)
    return _pair(keys, holder.user_id, session_id, 0, at)


async def refresh(db: Database, keys: SigningKeys, refresh_token: str) -> Tokens:
    """The next pair of tokens. Raises Unauthenticated, and ends the session when the token was used before.

    Either its holder or a thief uses it the second time; nobody can tell which, so both must log in again
    (RFC 9700, section 4.14.2).
    """
    claims = tokens.read(keys, "refresh", refresh_token)
    at = clock.now()
    async with db.as_system() as tx:
        renewed = await store.advance_session(
            tx,
            claims.sid,
            claims.sub,
            generation=claims.gen,
            at=at,
            expires_at=at + timedelta(seconds=tokens.REFRESH_S),
        )
        if not renewed:
            await store.revoke_session(tx, claims.sid, at)
    if not renewed:
        raise Unauthenticated(_OVER)
    return _pair(keys, claims.sub, claims.sid, claims.gen + 1, at)


async def log_out(db: Database, session_id: UUID) -> None:
    """The session is over: its access token stops working within 5 s, its refresh token at once."""
    async with db.as_system() as tx:
        await store.revoke_session(tx, session_id, clock.now())


async def end_session(db: Database, user_id: UUID, session_id: UUID) -> None:
    """The same for any session of the person; one that is over stays so. Raises NotFound."""
    async with db.as_user(user_id) as tx:
        if not await store.has_session(tx, user_id, session_id):
            raise NotFound("There is no such session.")
        await store.revoke_session(tx, session_id, clock.now())


async def change_password(
    db: Database,
    passwords: Passwords,
    user_id: UUID,
    *,
    session_id: UUID | None,
    current: str,
    new: str,
    address: str,
) -> None:
    """Ends all sessions but this one.

    Raises Forbidden when the current password is wrong, which counts as a failure to log in; TooManyRequests; Invalid
    for a common new one; Conflict for an account without password.
    """
    await passwords.refuse_common(new, field="new_password")
    async with db.as_system() as tx:
        account = await store.account(tx, user_id)
    if account is None or account.provider != "password":
        raise Conflict("This account has no password here; change it at Supabase.")
    try:
        holder = await _prove(db, passwords, email=account.email, password=current, address=address)
    except Unauthenticated:
        # The caller is known, so it is not a 401: to a browser that would mean that the session is over.
        raise Forbidden(_WRONG_CURRENT) from None
    new_hash = await passwords.hash(new)
    async with db.as_system() as tx:
        # First the password, then the sessions: whoever logs in with the old one meanwhile is among those ended.
        changed = await store.set_password(tx, user_id, old_hash=holder.password_hash, new_hash=new_hash)
        if changed:
            await store.revoke_sessions(tx, user_id, but=session_id, at=clock.now())
    if not changed:
        raise Forbidden(_WRONG_CURRENT)


@dataclass(frozen=True, slots=True, repr=False)
class _Holder:
    user_id: UUID
    password_hash: str


async def _prove(db: Database, passwords: Passwords, *, email: str, password: str, address: str) -> _Holder:
    """Who knows the password of the account. An unknown address takes the same steps, and as long."""
    account = account_hash(email)
    async with db.as_system() as tx:
        found = await store.account_of_email(tx, email)
        user_id = found.id if found else None
        wait_s = await _wait_s(tx, account, user_id, address)
    if wait_s:
        raise TooManyRequests(_TOO_MANY, retry_after_s=wait_s)
    password_hash = found.password_hash if found and found.disabled_at is None else None
    right = await passwords.verify(password_hash, password)
    async with db.as_system() as tx:
        # Decided one after the other, and anew: of many guesses sent at once no more than five are heard, even if
        # the sixth is right.
        await store.lock_failures(tx, account)
        wait_s = await _wait_s(tx, account, user_id, address)
        if not wait_s and right:
            await store.delete_failures(tx, account, address)
        elif not wait_s:
            await store.insert_failure(tx, account, address, clock.now())
    if wait_s:
        raise TooManyRequests(_TOO_MANY, retry_after_s=wait_s)
    if not right or user_id is None or password_hash is None:
        raise Unauthenticated(_WRONG)
    return _Holder(user_id, password_hash)


async def _wait_s(tx: Tx, account: bytes, user_id: UUID | None, address: str) -> int:
    at = clock.now()
    failures = await store.failures(tx, account, at - throttle.WINDOW)
    known = await store.has_been_at(tx, user_id, address)
    return throttle.wait_s(failures, address, known=known, at=at)


def _pair(keys: SigningKeys, user_id: UUID, session_id: UUID, generation: int, at: datetime) -> Tokens:
    access, refresh_token = (
        tokens.mint(keys, kind, user_id=user_id, session_id=session_id, generation=generation, at=at)
        for kind in tokens.KINDS
    )
    return Tokens(access_token=access, expires_in=tokens.ACCESS_S, refresh_token=refresh_token)

"""Who is calling. What was found out is believed for four seconds, in each process for itself.

So a revoked key, an ended session or a disabled account works nowhere after five seconds, a busy client costs a
look-up every four seconds, and a database that is away for less is not noticed.
"""

import logging
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from agentops_api import clock
from agentops_api.auth import admit, key_store, store, tokens
from agentops_api.auth.cache import Cache
from agentops_api.auth.models import KeyCaller, UserCaller, hash_of_key, is_key
from agentops_api.auth.passwords import Passwords
from agentops_api.auth.supabase import Supabase
from agentops_api.auth.tokens import SigningKeys
from agentops_api.db.pool import Database
from agentops_api.errors import NotFound, Unauthenticated, Unavailable
from agentops_api.projects import store as project_store
from agentops_api.projects.models import ProjectAccess

TTL_S = 4.0
_ENTRIES_MAX = 10_000
_BAD_KEY = "The API key is not, or no longer, good."
_BAD_TOKEN = "The token is not, or no longer, good; log in again."  # noqa: S105 - a sentence
_log = logging.getLogger(__name__)


class Authenticator:
    """Tells who shows a key or a token, and holds what others need to tell who shows a password; one per process."""

    def __init__(
        self, db: Database, signing_keys: SigningKeys, *, supabase: Supabase | None = None, ttl_s: float = TTL_S
    ) -> None:
        self.signing_keys = signing_keys
        self.passwords = Passwords()
        self._db = db
        self._supabase = supabase
        # Credentials are kept as their hashes: a dump of the process shows fewer secrets, and the time that the
        # look-up takes tells nothing about a secret's beginning.
        self._keys = Cache[bytes, KeyCaller](ttl_s=ttl_s, entries_max=_ENTRIES_MAX)
        self._tokens = Cache[bytes, UserCaller](ttl_s=ttl_s, entries_max=_ENTRIES_MAX)
        self._projects = Cache[tuple[UUID, UUID | None], ProjectAccess](ttl_s=ttl_s, entries_max=_ENTRIES_MAX)
        self._used_at: dict[UUID, datetime] = {}

    async def key(self, text: str) -> KeyCaller:
        """Who shows this API key. Raises Unauthenticated, or Unavailable when nobody can tell now."""
        if not is_key(text):
            raise Unauthenticated(_BAD_KEY)
        key_hash = hash_of_key(text)
        caller = await self._keys.get(key_hash, lambda: self._load_key(key_hash))
        if caller is None:
            raise Unauthenticated(_BAD_KEY)
        return caller

    async def token(self, text: str) -> UserCaller:
        """Who shows this access token. Raises Unauthenticated, or Unavailable when nobody can tell now."""
        if len(text) > tokens.TOKEN_CHARS_MAX:
            raise Unauthenticated(_BAD_TOKEN)
        token_hash = sha256(text.encode()).digest()
        caller = await self._tokens.get(token_hash, lambda: self._load_token(text))
        if caller is None:
            raise Unauthenticated(_BAD_TOKEN)
        return caller

    async def project_of(self, user: UserCaller, project_id: UUID | None) -> ProjectAccess:
        """What the person is in the project (None: in their default project). Raises NotFound if it is not theirs."""
        key = (user.user_id, project_id)
        access = await self._projects.get(key, lambda: self._load_access(user.user_id, project_id))
        if access is None:
            raise NotFound("There is no such project.")
        return access

    def forget_key(self, key_id: UUID) -> None:
        """Asks anew about a key, so that revoking it works at once in this process."""
        self._keys.forget(lambda caller: caller.key_id == key_id)

    def forget_user(self, user_id: UUID) -> None:
        """Asks anew about a person's tokens, so that ending their sessions works at once in this process."""
        self._tokens.forget(lambda caller: caller.user_id == user_id)

    async def flush_last_used(self) -> None:
        """Writes down when keys were used; what cannot be written now is kept for the next time."""
        used_at, self._used_at = self._used_at, {}
        if not used_at:
            return
        try:
            async with self._db.as_system() as tx:
                await key_store.touch_keys(tx, used_at)
        except Unavailable:
            self._used_at = {**used_at, **self._used_at}
            _log.warning("When API keys were last used could not be written down; it will be tried again")

    async def _load_key(self, key_hash: bytes) -> KeyCaller | None:
        at = clock.now()
        async with self._db.as_system() as tx:
            key = await key_store.key_of_hash(tx, key_hash, at)
        if key is None:
            return None
        # Noted here, where a key in use comes by every few seconds, instead of in every request.
        self._used_at[key.id] = at
        return KeyCaller(key_id=key.id, project_id=key.project_id, scopes=frozenset(key.scopes), client=f"key:{key.id}")

    async def _load_token(self, text: str) -> UserCaller | None:
        try:
            if tokens.is_ours(text):
                claims = tokens.read(self.signing_keys, "access", text)
                async with self._db.as_system() as tx:
                    is_open = await store.session_is_open(tx, claims.sid, claims.sub, clock.now())
                return UserCaller(claims.sub, claims.sid, f"user:{claims.sub}") if is_open else None
        except Unauthenticated:
            # The legacy tokens of Supabase Auth may begin as ours do.
            if self._supabase is None:
                return None
        if self._supabase is None:
            return None
        try:
            holder = await self._supabase.read(text)
        except Unauthenticated:
            return None
        if not await admit.admit(self._db, holder):
            return None
        return UserCaller(holder.sub, None, f"user:{holder.sub}")

    async def _load_access(self, user_id: UUID, project_id: UUID | None) -> ProjectAccess | None:
        async with self._db.as_user(user_id) as tx:
            return await project_store.access(tx, user_id, project_id)

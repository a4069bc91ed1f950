"""API keys: making and revoking them, as HTTP and the command line both do."""

from datetime import timedelta
from uuid import UUID

from agentops_api import clock, ids
from agentops_api.auth import key_store
from agentops_api.auth.models import CreatedKey, NewKey, Scope, hash_of_key, new_key, preview_of_key
from agentops_api.db.pool import Database
from agentops_api.errors import Forbidden, Invalid, NotFound
from agentops_api.projects import store as project_store
from agentops_api.projects.models import may_write

_LIFE_MAX = timedelta(days=3_653)


async def issue_key(db: Database, user_id: UUID, new: NewKey) -> CreatedKey:
    """A key of one of the person's projects, committed. This is the only time that the key itself is known.

    Raises NotFound for a project that is not theirs, Forbidden for a viewer, Invalid for an expiry that is past or
    more than ten years ahead.
    """
    at = clock.now()
    if new.expires_at is not None and not at < new.expires_at < at + _LIFE_MAX:
        message = "Is not in the next ten years; leave it out for a key that never expires"
        raise Invalid("The key's expiry cannot be used.", [{"field": "expires_at", "message": message}])
    key, id = new_key(), ids.new(at)
    # In one order, and each once.
    scopes: list[Scope] = sorted(set(new.scopes))
    async with db.as_user(user_id) as tx:
        access = await project_store.access(tx, user_id, new.project_id)
        if access is None:
            raise NotFound("There is no such project.")
        if not may_write(access.role):
            raise Forbidden("A viewer cannot make API keys; ask an owner or admin of the organization.")
        await key_store.insert_key(
            tx,
            id,
            project_id=access.project_id,
            user_id=user_id,
            name=new.name,
            key_hash=hash_of_key(key),
            preview=preview_of_key(key),
            scopes=scopes,
            at=at,
            expires_at=new.expires_at,
        )
    return CreatedKey(
        id=id,
        name=new.name,
        key=key,
        created_at=at,
        is_active=True,
        project_id=access.project_id,
        scopes=scopes,
        expires_at=new.expires_at,
        preview=preview_of_key(key),
    )


async def revoke_key(db: Database, user_id: UUID, key_id: UUID) -> None:
    """The key stops working within 5 s; one that is revoked stays so. Raises NotFound, or Forbidden for a viewer."""
    async with db.as_user(user_id) as tx:
        role = await key_store.role_for_key(tx, user_id, key_id)
        if role is None:
            raise NotFound("There is no such API key.")
        if not may_write(role):
            raise Forbidden("A viewer cannot revoke API keys; ask an owner or admin of the organization.")
        await key_store.revoke_key(tx, key_id, clock.now())

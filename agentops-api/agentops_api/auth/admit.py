"""How people come in: by registering here, or with a token of Supabase Auth that is seen for the first time.

Either way they find an organization of their own and its default project.
"""

from agentops_api import clock, ids
from agentops_api.auth import store
from agentops_api.auth.models import User
from agentops_api.auth.passwords import Passwords
from agentops_api.auth.supabase import SupabaseUser
from agentops_api.db.pool import Database
from agentops_api.errors import Conflict
from agentops_api.projects import store as project_store


async def register(db: Database, passwords: Passwords, *, email: str, password: str, full_name: str | None) -> User:
    """A new person, committed. Raises Invalid for a common password, Conflict when the address is taken.

    `email` and `password` have passed the rules of `auth.models`.
    """
    await passwords.refuse_common(password, field="password")
    password_hash = await passwords.hash(password)
    at = clock.now()
    async with db.as_system() as tx:
        user = await store.insert_user(
            tx, ids.new(at), email=email, full_name=full_name, password_hash=password_hash, at=at
        )
        if user is None:
            raise Conflict("This e-mail address cannot be registered; if it is yours, log in.")
        await project_store.insert_personal_organization(tx, user.id, name=full_name or email, at=at)
    return user


async def admit(db: Database, holder: SupabaseUser) -> bool:
    """The holder of a good Supabase token has an account here, made now if need be; False when it is disabled."""
    at = clock.now()
    email = holder.email or f"{holder.sub}@supabase.invalid"
    async with db.as_system() as tx:
        known = await store.account(tx, holder.sub)
        if known is not None and known.email == email.lower():
            return known.provider == "supabase" and known.disabled_at is None
        if known is not None and known.provider != "supabase":
            return False
        await store.free_supabase_email(tx, holder.sub, email)
        if known is not None:
            await store.set_email(tx, holder.sub, email)
            return known.disabled_at is None
        name = holder.full_name or email
        user = await store.insert_user(
            tx, holder.sub, email=email, full_name=holder.full_name, password_hash=None, at=at
        )
        # Nobody: another process admitted them at the same moment.
        if user is not None:
            await project_store.insert_personal_organization(tx, user.id, name=name, at=at)
        return True

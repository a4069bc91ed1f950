"""What the command line does with accounts: it names people by their e-mail address. Whoever runs it is trusted."""

import secrets
from typing import TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError

from agentops_api.auth import store
from agentops_api.auth.admit import register
from agentops_api.auth.issue_key import issue_key
from agentops_api.auth.models import NewKey, Register, User
from agentops_api.auth.passwords import Passwords
from agentops_api.db.pool import Database
from agentops_api.errors import Invalid, NotFound
from agentops_api.projects import store as project_store

M = TypeVar("M", bound=BaseModel)


async def make_user(db: Database, *, email: str, password: str, full_name: str | None) -> User:
    """A new person with their organization and default project. Raises Invalid or Conflict."""
    given = _read(Register, {"email": email, "password": password, "full_name": full_name})
    passwords = Passwords()
    return await register(db, passwords, email=given.email, password=given.password, full_name=given.full_name)


async def make_key(db: Database, *, email: str, name: str, scopes: list[str]) -> str:
    """A key of the person's default project. Raises NotFound when nobody logs in with this address."""
    user_id = await _user_id(db, email)
    if user_id is None:
        raise NotFound(f"Nobody logs in as {email}; `agentops user create {email}` makes an account.")
    return (await issue_key(db, user_id, _read(NewKey, {"name": name, "scopes": scopes}))).key


async def default_project(db: Database, *, email: str) -> tuple[UUID, str | None]:
    """The person's default project, and their password if the account had to be made for it."""
    user_id, password = await _user_id(db, email), None
    if user_id is None:
        password = secrets.token_urlsafe(12)
        user_id = (await make_user(db, email=email, password=password, full_name="Demo")).id
    async with db.as_user(user_id) as tx:
        access = await project_store.access(tx, user_id, None)
    assert access is not None, "every account has a default project"
    return access.project_id, password


async def _user_id(db: Database, email: str) -> UUID | None:
    async with db.as_system() as tx:
        account = await store.account_of_email(tx, email)
    return account.id if account else None


def _read(model: type[M], given: dict[str, object]) -> M:
    """The input by the rules that HTTP has too."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise Invalid("; ".join(f"{each['loc'][0]}: {each['msg']}" for each in error.errors())) from None

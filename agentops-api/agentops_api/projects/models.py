"""Whose evaluations these are: a project belongs to an organization, and people belong to that by a role."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

Role = Literal["owner", "admin", "member", "viewer"]


def may_write(role: Role) -> bool:
    """A viewer reads and changes nothing; everybody else may send, delete and make keys."""
    return role != "viewer"


def may_administer(role: Role) -> bool:
    """Owners and admins decide what a project keeps."""
    return role in ("owner", "admin")


@dataclass(frozen=True, slots=True)
class ProjectAccess:
    """A project that a person may work in, and as what."""

    project_id: UUID
    role: Role


class Project(BaseModel):
    """Where evaluations and API keys live."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    id: UUID
    """What `X-Project-Id` and `project_id` take."""
    name: str
    """For people."""
    is_default: bool
    """It is the one its organization began with."""


class Organization(BaseModel):
    """People who share projects."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    id: UUID
    """Stable."""
    name: str
    """For people."""
    role: Role
    """What the caller is in it. A viewer only reads."""
    projects: list[Project]
    """Oldest first."""

"""Whose evaluations these are: a project belongs to an organization, and people belong to that by a role."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

Role = Literal["owner", "admin", "member", "viewer"]
# PostgreSQL's text holds no NUL, and control characters in a name are never meant.
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$"),
]
"""What people call something."""


def may_write(role: Role) -> bool:
    """A viewer reads and changes nothing; everybody else may send, delete and make keys."""
    return role != "viewer"


def may_administer(role: Role) -> bool:
    """Owners and admins decide what a project is called, and what it keeps."""
    return role in ("owner", "admin")


@dataclass(frozen=True, slots=True)
class ProjectAccess:
    """A project that a person may work in, and as what."""

    project_id: UUID
    role: Role


class ChangeProject(BaseModel):
    """What is to be different about a project."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
        json_schema_extra={"examples": [{"name": "Checkout agents"}]},
    )

    name: Name
    """Its new name."""


class Project(BaseModel):
    """Where evaluations and API keys live."""

    model_config = ConfigDict(
        frozen=True,
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [{"id": "019ab3f2-7c41-7a53-8c1d-5e7f9a0b2c03", "name": "Default", "is_default": True}]
        },
    )

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

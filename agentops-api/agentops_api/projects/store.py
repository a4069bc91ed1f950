"""Organizations, memberships and projects in PostgreSQL. Begins and ends no transaction."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from agentops_api import ids
from agentops_api.db.pool import Tx, every, one
from agentops_api.projects.models import Organization, Project, ProjectAccess, Role

_NAME_CHARS_MAX = 200


async def insert_personal_organization(tx: Tx, user_id: UUID, *, name: str, at: datetime) -> UUID:
    """Gives a new person an organization of their own with its default project, whose id is returned."""
    organization_id, project_id = ids.new(at), ids.new(at)
    params = {
        "organization_id": organization_id,
        "project_id": project_id,
        "user_id": user_id,
        "name": name[:_NAME_CHARS_MAX],
        "at": at,
    }
    await tx.execute(
        "INSERT INTO organizations (id, name, personal, created_at)"
        " VALUES (%(organization_id)s, %(name)s, true, %(at)s)",
        params,
    )
    await tx.execute(
        "INSERT INTO memberships (organization_id, user_id, role, created_at)"
        " VALUES (%(organization_id)s, %(user_id)s, 'owner', %(at)s)",
        params,
    )
    await tx.execute(
        "INSERT INTO projects (id, organization_id, name, is_default, created_at)"
        " VALUES (%(project_id)s, %(organization_id)s, 'Default', true, %(at)s)",
        params,
    )
    return project_id


async def access(tx: Tx, user_id: UUID, project_id: UUID | None) -> ProjectAccess | None:
    """What the person is in the project; None when there is none, or none of theirs.

    `project_id` None: in the default project, which is their own organization's, else their oldest organization's.
    """
    return await one(
        tx,
        ProjectAccess,
        """
        SELECT p.id AS project_id, m.role
        FROM memberships AS m
        JOIN organizations AS o ON o.id = m.organization_id
        JOIN projects AS p ON p.organization_id = o.id
        WHERE m.user_id = %(user_id)s
          AND (p.id = %(project_id)s OR (%(project_id)s::uuid IS NULL AND p.is_default))
        ORDER BY (o.personal AND m.role = 'owner') DESC, o.created_at, o.id
        LIMIT 1
        """,
        {"user_id": user_id, "project_id": project_id},
    )


async def is_there(tx: Tx, project_id: UUID) -> bool:
    """Whether there is such a project, whoever's; asked as the system."""
    found = await tx.execute("SELECT 1 FROM projects WHERE id = %s", (project_id,))
    return await found.fetchone() is not None


async def rename(tx: Tx, project_id: UUID, name: str) -> Project | None:
    """The project under its new name; None unless the person administers it."""
    return await one(
        tx,
        Project,
        "UPDATE projects SET name = %(name)s WHERE id = %(project_id)s RETURNING id, name, is_default",
        {"project_id": project_id, "name": name},
    )


@dataclass(frozen=True, slots=True)
class _Row:
    organization_id: UUID
    organization_name: str
    role: Role
    project_id: UUID | None
    project_name: str
    is_default: bool


async def organizations_of(tx: Tx, user_id: UUID) -> list[Organization]:
    """Where the person may work: their own organization first, then the oldest; projects oldest first."""
    rows = await every(
        tx,
        _Row,
        """
        SELECT o.id AS organization_id, o.name AS organization_name, m.role,
               p.id AS project_id, coalesce(p.name, '') AS project_name, coalesce(p.is_default, false) AS is_default
        FROM memberships AS m
        JOIN organizations AS o ON o.id = m.organization_id
        LEFT JOIN projects AS p ON p.organization_id = o.id
        WHERE m.user_id = %(user_id)s
        ORDER BY (o.personal AND m.role = 'owner') DESC, o.created_at, o.id, p.created_at, p.id
        """,
        {"user_id": user_id},
    )
    projects: dict[UUID, list[Project]] = {row.organization_id: [] for row in rows}
    for row in rows:
        if row.project_id is not None:
            project = Project(id=row.project_id, name=row.project_name, is_default=row.is_default)
            projects[row.organization_id].append(project)
    first = {row.organization_id: row for row in reversed(rows)}
    return [
        Organization(id=id, name=first[id].organization_name, role=first[id].role, projects=projects[id])
        for id in projects
    ]

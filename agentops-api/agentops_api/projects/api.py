"""Projects over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Security

from agentops_api.auth.models import UserCaller
from agentops_api.edge.caller import bearer, user_caller
from agentops_api.edge.problems import responses
from agentops_api.edge.route import Route
from agentops_api.edge.runtime import runtime
from agentops_api.errors import Forbidden
from agentops_api.projects import store
from agentops_api.projects.models import ChangeProject, Project, may_administer

router = APIRouter(prefix="/api/v1/projects", tags=["projects"], route_class=Route)


@router.patch(
    "/{id:uuid}",
    operation_id="change_project",
    summary="Rename a project",
    responses=responses(400, 401, 403, 404, 413, 415, 422, 429, 503),
    dependencies=[Security(bearer)],
)
async def change_project(
    request: Request, caller: Annotated[UserCaller, Depends(user_caller)], id: UUID, body: ChangeProject
) -> Project:
    """For owners and admins. Keys, links and everything that names the project by its id go on as before."""
    server = runtime(request)
    access = await server.authenticator.project_of(caller, id)
    renamed = None
    if may_administer(access.role):
        async with server.db.as_user(caller.user_id) as tx:
            renamed = await store.rename(tx, id, body.name)
    # None too where the role changed a moment ago: the database asks for it again.
    if renamed is None:
        raise Forbidden("Only an owner or admin of the organization may rename its projects.")
    return renamed

"""Runs the application under uvicorn, with the limits that its edge relies on."""

import uvicorn

from agentops_api.app import create_app
from agentops_api.edge.protocol import bounded_protocol
from agentops_api.settings import Settings

_DRAINED_S_MAX = 8
"""Requests still open this long after the server stopped listening are cut: platforms kill after 10 s."""


def serve(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT."""
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.listen_port,
        loop="auto",
        http=bounded_protocol(settings.body_bytes_max),
        ws="none",
        # Log lines and forwarded addresses are the edge's own business.
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=65,
        timeout_graceful_shutdown=_DRAINED_S_MAX,
        backlog=2_048,
    )

"""`python main.py` runs the server; `uvicorn main:app` serves its application."""

import sys

from agentops_api.app import create_app
from agentops_api.errors import Misconfigured
from agentops_api.serve import serve
from agentops_api.settings import load_settings

try:
    settings = load_settings()
except Misconfigured as error:
    sys.exit(f"AgentOps API cannot start: {error}")

app = create_app(settings)

if __name__ == "__main__":
    serve(settings)

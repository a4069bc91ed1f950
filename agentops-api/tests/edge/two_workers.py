"""`uvicorn main:app --workers 2`, as the documentation says it."""

import os
import sys
from pathlib import Path

import uvicorn

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    uvicorn.main(["main:app", "--workers", "2", "--no-proxy-headers", "--port", os.environ["PORT"]])

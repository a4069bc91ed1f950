"""Pictures of every screen of the dashboard, light and dark, from the history of `agentops seed-demo`.

The history is kept for a day in a directory of its own below the temporary one, so that looking again is fast.
Usage: python -m scripts.screenshots [--out docs/images] [--only overview,detail] [--theme dark] [--phone] [--fresh]
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import httpx2
from playwright.async_api import Browser, BrowserContext

from benchmarks.server import Server, running
from scripts.chromium import DESK, PHONE, Theme, Traffic, browser, sign_in, window

_ROOT = Path(__file__).parent.parent
_PLACE = Path(tempfile.gettempdir()) / f"agentops-screenshots-{os.getuid()}"
_FRESH_S = 24 * 3_600
_EMAIL = "demo@example.com"
_OPEN_TO_ALL = ("login", "register")


@dataclass(frozen=True, slots=True)
class Demo:
    """Who has the history."""

    email: str
    password: str
    key: str


def main() -> None:
    """Makes the pictures that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=_ROOT / "docs" / "images")
    parser.add_argument("--only", type=lambda text: text.split(","), help="screens, with commas between")
    parser.add_argument("--theme", choices=("light", "dark"), help="not given: both")
    parser.add_argument("--phone", action="store_true", help="as on a phone")
    parser.add_argument("--scale", type=float, default=1, help="pixels of the device for one of the page")
    parser.add_argument("--fresh", action="store_true", help="make the history anew")
    parser.add_argument("--rows", type=int, default=20_000, help="of the history, when it is made")
    asked = parser.parse_args()
    if asked.fresh or time.time() - _made_at() > _FRESH_S:
        shutil.rmtree(_PLACE, ignore_errors=True)
    # PostgreSQL's own user must get through it when root runs this.
    _PLACE.mkdir(mode=0o755, exist_ok=True)
    with running(_PLACE / "data") as server:
        demo = _demo(asked.rows)
        screens = {name: path for name, path in _screens(server, demo).items() if not asked.only or name in asked.only}
        themes: tuple[Theme, ...] = (asked.theme,) if asked.theme else ("light", "dark")
        asyncio.run(_picture_all(server, demo, screens, themes, asked))


def _made_at() -> float:
    file = _PLACE / "demo.json"
    return file.stat().st_mtime if file.exists() else 0.0


def _demo(rows: int) -> Demo:
    """The history, made if it is not there."""
    file = _PLACE / "demo.json"
    if not file.exists():
        print(f"Making a history of {rows:,} evaluations ...", flush=True)
        command = [sys.executable, "-c", "from agentops_api.cli import main; main()", "seed-demo"]
        done = subprocess.run(
            [*command, "--email", _EMAIL, "--rows", str(rows)],
            env=os.environ | {"AGENTOPS_DATA_DIR": str(_PLACE / "data")},
            cwd=_PLACE,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        told = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if " " in line)
        file.write_text(json.dumps({"email": _EMAIL, "password": told["password"], "key": told["key"]}))
    return Demo(**json.loads(file.read_text()))


def _screens(server: Server, demo: Demo) -> dict[str, str]:
    """The address of each screen, with something worth seeing on it."""
    with httpx2.Client(base_url=f"http://127.0.0.1:{server.port}", headers={"X-API-Key": demo.key}) as client:
        wrong = client.get("/evaluations", params={"hallucinated": "true", "limit": "2"}).json()["data"]
        found = client.get("/evaluations", params={"hallucinated": "true", "limit": "500"}).json()["data"]
        right = client.get("/evaluations", params={"hallucinated": "false", "limit": "1"}).json()["data"]
    with_documents = next((each for each in found if each["retrieved_docs"]), wrong[0])
    in_session = next((each for each in found if each["session_id"]), wrong[0])
    return {
        "overview": "/app/",
        "evaluations": "/app/evaluations",
        "detail": f"/app/evaluations/{with_documents['id']}",
        "beside": f"/app/evaluations/beside/{wrong[0]['id']}/{right[0]['id']}",
        "sessions": "/app/sessions",
        "conversation": f"/app/sessions/view?of={in_session['session_id']}",
        "compare": "/app/compare",
        "connect": "/app/connect",
        "settings": "/app/settings",
        "login": "/app/login",
        "register": "/app/register",
    }


async def _picture_all(
    server: Server, demo: Demo, screens: dict[str, str], themes: Iterable[Theme], asked: argparse.Namespace
) -> None:
    asked.out.mkdir(parents=True, exist_ok=True)
    async with browser() as chromium:
        for theme in themes:
            await _picture(chromium, f"http://127.0.0.1:{server.port}", demo, screens, theme, asked)


async def _picture(
    chromium: Browser, url: str, demo: Demo, screens: dict[str, str], theme: Theme, asked: argparse.Namespace
) -> None:
    size = PHONE if asked.phone else DESK
    async with (
        window(chromium, url, theme=theme, size=size, scale=asked.scale) as inside,
        window(chromium, url, theme=theme, size=size, scale=asked.scale) as outside,
    ):
        await sign_in(inside, demo.email, demo.password)
        for name, path in screens.items():
            file = asked.out / f"{name}-{theme}{'-phone' if asked.phone else ''}.png"
            await _take(outside if name in _OPEN_TO_ALL else inside, path, file)
            print(file, flush=True)


async def _take(context: BrowserContext, path: str, file: Path) -> None:
    page = await context.new_page()
    traffic = Traffic(page)
    page.on("pageerror", lambda error: print(f"{path}: {error}", file=sys.stderr))
    page.on("console", lambda said: print(f"{path}: {said.text}", file=sys.stderr) if said.type == "error" else None)
    await page.goto(path, wait_until="load")
    await traffic.settled()
    await page.screenshot(path=file, animations="disabled")
    await page.close()


if __name__ == "__main__":
    main()

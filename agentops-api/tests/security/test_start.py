"""A server with a bad setting does not start, and says why in one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from agentops_api.errors import Misconfigured
from agentops_api.settings import Settings, load_settings
from tests.cast import SECRET_KEY
from tests.chaos.processes import new_site
from tests.command import agentops

MAIN = Path(__file__).parents[2] / "main.py"
NOWHERE = "postgresql://nobody:pass-of-nobody@127.0.0.1:9/nothing"

BAD: dict[str, tuple[dict[str, str], str]] = {
    "no key with a database of one's own": ({"DATABASE_URL": NOWHERE}, "SECRET_KEY"),
    "changeme": ({"SECRET_KEY": "changeme"}, "SECRET_KEY"),
    "a long changeme": ({"SECRET_KEY": "changeme" * 8}, "SECRET_KEY"),
    "the example's": ({"SECRET_KEY": "your-secret-key-here-at-least-32-characters"}, "SECRET_KEY"),
    "31 bytes": ({"SECRET_KEY": SECRET_KEY[:31]}, "SECRET_KEY"),
    "one letter": ({"SECRET_KEY": "a" * 64}, "SECRET_KEY"),
    "a short previous key": ({"SECRET_KEY": SECRET_KEY, "SECRET_KEY_PREVIOUS": "short"}, "SECRET_KEY_PREVIOUS"),
    "a key file that is not there": ({"SECRET_KEY_FILE": "/nowhere/key"}, "SECRET_KEY_FILE"),
    "Supabase without SQL": ({"SUPABASE_URL": "https://a.supabase.co", "SECRET_KEY": SECRET_KEY}, "DATABASE_URL"),
    "every origin": ({"ALLOWED_ORIGINS": "*", "SECRET_KEY": SECRET_KEY}, "ALLOWED_ORIGINS"),
    "no port": ({"PORT": "eighty", "SECRET_KEY": SECRET_KEY}, "PORT"),
    "a limit of nothing": ({"RATE_LIMIT_PER_MINUTE": "0", "SECRET_KEY": SECRET_KEY}, "RATE_LIMIT_PER_MINUTE"),
    "no network": ({"TRUSTED_PROXIES": "everybody", "SECRET_KEY": SECRET_KEY}, "TRUSTED_PROXIES"),
}
RUNNING = {
    "a database that is not there": ({"DATABASE_URL": NOWHERE, "SECRET_KEY": SECRET_KEY}, "cannot start"),
    "no Redis": ({"RATE_LIMIT_STORAGE_URL": "http://127.0.0.1:9", "SECRET_KEY": SECRET_KEY}, "RATE_LIMIT_STORAGE_URL"),
}
"""Found out only when the server starts its parts."""


def main_py(directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(MAIN)],
        env={"PATH": os.defpath, "HOME": str(directory), "PYTHONWARNINGS": "error"} | environment,
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def check_refusal(ran: subprocess.CompletedProcess[str], name: str, environment: dict[str, str]) -> None:
    said = ran.stdout + ran.stderr
    assert ran.returncode not in (0, None), said
    assert "Traceback" not in said
    assert name in said
    telling = [line for line in said.splitlines() if name in line]
    assert len(telling) == 1, said
    check_repeats_no_secret(said, environment)


def check_repeats_no_secret(said: str, environment: dict[str, str]) -> None:
    assert "pass-of-nobody" not in said
    for name in ("SECRET_KEY", "SECRET_KEY_PREVIOUS"):
        assert environment.get(name, "-" * 80) not in said


@pytest.mark.parametrize("case", BAD)
def test_a_bad_setting_is_named_and_not_repeated(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment, name = BAD[case]
    monkeypatch.chdir(tmp_path)
    for variable in Settings.model_fields:
        monkeypatch.delenv(variable.upper(), raising=False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(Misconfigured) as refusal:
        load_settings()
    assert name in str(refusal.value)
    assert "\n" not in str(refusal.value)
    check_repeats_no_secret(str(refusal.value), environment)


@pytest.mark.parametrize("case", ["no key with a database of one's own", "changeme", "31 bytes"])
def test_the_server_refuses_to_start_with_one_line(case: str, tmp_path: Path) -> None:
    environment, name = BAD[case]
    for ran in (main_py(tmp_path, **environment), agentops("serve", directory=tmp_path, **environment)):
        check_refusal(ran, name, environment)
        assert len(ran.stderr.splitlines()) == 1, ran.stderr


@pytest.mark.parametrize("case", RUNNING)
def test_what_shows_only_at_the_start_ends_the_server_too(case: str) -> None:
    environment, name = RUNNING[case]
    with new_site() as site:
        check_refusal(main_py(site.place, AGENTOPS_DATA_DIR=str(site.data_dir), **environment), name, environment)

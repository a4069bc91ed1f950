"""Settings from the environment, `.env` and secret files; what is wrong is said without the value."""

from pathlib import Path

import pytest
from agentops_api.errors import Misconfigured
from agentops_api.settings import Settings, load_settings, signing_key

GOOD = "b5d1c6e0f3a94872a6f0e1d2c3b4a5968778695a4b3c2d1e"
URL = "postgresql://login:hunter2-of-the-database@/agentops"


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty directory, and no setting of whoever runs the tests."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"{name.upper()}_FILE", raising=False)
    monkeypatch.chdir(tmp_path)


def refusal(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured) as refused:
        load_settings()
    message = str(refused.value)
    assert "\n" not in message
    for name, value in environment.items():
        if "SECRET" in name or "URL" in name:
            assert value not in message
    return message


def test_a_file_is_not_kept_longer_than_its_job(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "EXPORT_FILE_HOURS" in refusal(monkeypatch, EXPORT_FILE_HOURS="169")


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    settings = load_settings()
    assert (settings.host, settings.listen_port) == ("127.0.0.1", 8000)
    assert settings.database_url is None
    assert settings.least_privilege_required
    mine = settings.model_copy(update={"agentops_data_dir": tmp_path / "data"})
    key = signing_key(mine)
    assert len(key) == 64
    assert signing_key(mine) == key, "it is kept"
    assert (tmp_path / "data/secret_key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_PREVIOUS", "SUPABASE_JWT_SECRET"])
@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("changeme", "is an example or guessable"),
        ("changeme-changeme-changeme-changeme-1234567890", "is an example or guessable"),
        ("your-secret-key-here-min-32-characters-long", "is an example or guessable"),
        ("a" * 64, "is an example or guessable"),
        (GOOD[:31], "is shorter than 32 bytes"),
    ],
)
def test_weak_secrets_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, secret: str, why: str) -> None:
    message = refusal(monkeypatch, **{name: secret})
    assert message.startswith(f"{name} {why}")
    assert "openssl rand -hex 32" in message


def test_a_secret_of_32_bytes_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", GOOD[:32])
    assert signing_key(load_settings()) == GOOD[:32]


@pytest.mark.parametrize("token", ["short", "fifteen-letters", "ü" * 20])
def test_a_metrics_token_that_is_short_or_no_header_is_refused(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    message = refusal(monkeypatch, METRICS_TOKEN=token)
    assert message.startswith("METRICS_TOKEN has to be 16 ASCII characters or more")
    assert token not in message


def test_with_a_database_of_ones_own_the_secret_must_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(monkeypatch, DATABASE_URL=URL).startswith("SECRET_KEY is missing")
    monkeypatch.setenv("SECRET_KEY", "")
    assert refusal(monkeypatch, DATABASE_URL=URL).startswith("SECRET_KEY is missing"), "empty is not set"


def test_supabase_without_its_connection_string_says_where_to_find_it(monkeypatch: pytest.MonkeyPatch) -> None:
    message = refusal(
        monkeypatch, SUPABASE_URL="https://abc.supabase.co", SUPABASE_KEY="anon", SUPABASE_SERVICE_KEY="service"
    )
    assert "the Supabase URL and keys cannot open SQL: set DATABASE_URL too" in message
    assert "Session pooler" in message


@pytest.mark.parametrize(
    "url", ["postgresql+asyncpg://me:hunter2@db/agentops", "me:hunter2@db", "mysql://me:hunter2@db"]
)
@pytest.mark.parametrize("name", ["DATABASE_URL", "MIGRATION_DATABASE_URL"])
def test_what_is_no_url_of_postgresql_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, url: str) -> None:
    message = refusal(monkeypatch, **{name: url, "SECRET_KEY": GOOD})
    assert message == f"{name} is not a URL like postgresql://user:password@host:5432/database"


def test_every_fault_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    message = refusal(
        monkeypatch,
        SECRET_KEY="changeme",
        API_PORT="http",
        LOG_LEVEL="LOUD",
        ALLOWED_ORIGINS="*",
        RATE_LIMIT_PER_MINUTE="0",
    )
    faults = message.split("; ")
    for name in ("SECRET_KEY", "API_PORT", "LOG_LEVEL", "ALLOWED_ORIGINS", "RATE_LIMIT_PER_MINUTE"):
        assert any(fault.startswith(f"{name} ") for fault in faults), name


def test_a_secret_may_be_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in (("SECRET_KEY", GOOD), ("DATABASE_URL", URL)):
        (tmp_path / name).write_text(value + "\n")
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    settings = load_settings()
    assert signing_key(settings) == GOOD
    assert settings.database_url
    assert settings.database_url.get_secret_value() == URL
    assert "hunter2" not in repr(settings)


def test_a_secret_in_a_file_is_no_better_than_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "weak").write_text("changeme\n")
    assert refusal(monkeypatch, SECRET_KEY_FILE=str(tmp_path / "weak")).startswith("SECRET_KEY is an example")


def test_a_secret_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "missing"))
    with pytest.raises(Misconfigured, match=r"SECRET_KEY_FILE names .*missing, which cannot be read: No such file"):
        load_settings()


def test_the_environment_goes_before_a_file_and_both_before_dotenv(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("API_PORT=1111\nLOG_LEVEL=ERROR\nRATE_LIMIT_PER_MINUTE=\n# a comment\nUNKNOWN=1\n")
    (tmp_path / "key").write_text(GOOD)
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("API_PORT", "2222")
    settings = load_settings()
    assert (settings.listen_port, settings.log_level, settings.rate_limit_per_minute) == (2222, "ERROR", 60)
    assert signing_key(settings) == GOOD
    monkeypatch.setenv("SECRET_KEY", GOOD[::-1])
    assert signing_key(load_settings()) == GOOD[::-1]


def test_the_port_of_a_platform_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PORT", "8001")
    assert load_settings().listen_port == 8001
    monkeypatch.setenv("PORT", "8080")
    assert load_settings().listen_port == 8080


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://a.example/, https://b.example")
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.0/8, ::1/128")
    settings = load_settings()
    assert settings.allowed_origins == ("https://a.example", "https://b.example")
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "::1/128"]

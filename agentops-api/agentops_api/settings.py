"""The configuration, read once from the environment and `.env`, and handed to whoever needs it.

Names and defaults of the published interface are kept. A secret can also be read from the file that `NAME_FILE` names.
"""

import contextlib
import os
import secrets
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from agentops_api.errors import Misconfigured

SECRET_KEY_BYTES_MIN = 32
METRICS_TOKEN_CHARS_MIN = 16
_WEAK_SECRETS = (
    "changeme",
    "change-me",
    "change_me",
    "your-secret",
    "your_secret",
    "example",
    "secret-key",
    "placeholder",
)
_FILE_SECRETS = (
    "SECRET_KEY",
    "SECRET_KEY_PREVIOUS",
    "DATABASE_URL",
    "MIGRATION_DATABASE_URL",
    "SUPABASE_KEY",
    "SUPABASE_SERVICE_KEY",
    "SUPABASE_JWT_SECRET",
    "RATE_LIMIT_STORAGE_URL",
    "METRICS_TOKEN",
)


def _default_data_dir() -> Path:
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/agentops")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "agentops"


class SecretFiles(PydanticBaseSettingsSource):
    """Reads `SECRET_KEY_FILE` and its like: the setting's value is that file's text, stripped."""

    def get_field_value(self, field: object, field_name: str) -> tuple[object, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, object]:
        found: dict[str, object] = {}
        for name in _FILE_SECRETS:
            if path := os.environ.get(f"{name}_FILE"):
                try:
                    found[name.lower()] = Path(path).read_text().strip()
                except OSError as error:
                    raise Misconfigured(f"{name}_FILE names {path}, which cannot be read: {error.strerror}.") from error
        return found


class Settings(BaseSettings):
    """Every setting of the server. The environment variable is the field's name in capitals."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    database_url: SecretStr | None = None
    """PostgreSQL 15 or newer, as a libpq URL. Not set: an embedded PostgreSQL in `AGENTOPS_DATA_DIR`."""
    migration_database_url: SecretStr | None = None
    """The URL of the role that owns the tables, used for migrations only. Not set: `DATABASE_URL`."""
    require_least_privilege: bool | None = None
    """Not ready while the login role is a superuser, bypasses row level security or owns a table.
    Not set: true with the embedded database, false with `DATABASE_URL`."""
    database_pool_size: int = Field(default=8, ge=2, le=100)
    """Connections for everything but ingest and jobs, per process."""
    database_pooled: bool = False
    """Set it to true behind a transaction-mode pooler (pgbouncer, Supavisor): nothing is prepared or pipelined then."""

    supabase_url: str | None = None
    """The Supabase project's URL: its Auth's tokens are then accepted as bearer tokens. Needs `DATABASE_URL` too."""
    supabase_key: SecretStr | None = None
    """Supabase's anon key. Kept for the published interface; the server talks SQL and does not need it."""
    supabase_service_key: SecretStr | None = None
    """Supabase's service role key. Kept for the published interface; the server talks SQL and does not need it."""
    supabase_jwt_secret: SecretStr | None = None
    """The legacy HS256 secret of Supabase Auth, for projects that do not sign with ES256 or RS256 yet."""

    secret_key: SecretStr | None = None
    """Signs access tokens; at least 32 bytes (`openssl rand -hex 32`).
    Not set, with the embedded database: generated and kept in `AGENTOPS_DATA_DIR`."""
    secret_key_previous: SecretStr | None = None
    """The key before a rotation: tokens it signed are accepted until they expire."""

    host: str = "127.0.0.1"
    """The address to listen on. `0.0.0.0` opens the server to the network."""
    api_port: int = Field(default=8000, ge=0, le=65535)
    """The port to listen on."""
    port: int | None = Field(default=None, ge=0, le=65535)
    """What hosting platforms set; wins over `API_PORT`."""
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ("http://localhost:3000",)
    """Origins whose pages may call the API from a browser, comma-separated. Exact; `*` is refused."""
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    """Networks (CIDR, comma-separated) whose `X-Forwarded-For` is believed."""

    rate_limit_per_minute: int = Field(default=60, ge=1)
    """Ordinary requests per minute for each key or address; signed-in people get ten times as many."""
    ingest_limit_per_minute: int = Field(default=60_000, ge=1)
    """Evaluations per minute for each key."""
    register_limit_per_hour: int = Field(default=30, ge=1)
    """Registrations per hour for each address."""
    rate_limit_storage_url: SecretStr | None = None
    """Redis or Valkey (`redis://host:6379/0`), so that several processes share their limits. Not set: memory."""

    ingest_past_days: int = Field(default=30, ge=0, le=36_500)
    """How old an evaluation's `created_at` may be."""
    ingest_future_hours: int = Field(default=1, ge=0, le=24 * 365)
    """How far in the future an evaluation's `created_at` may be."""
    ingest_queue_rows: int = Field(default=20_000, ge=1_000)
    """Evaluations that may wait for their commit, per process; more are answered 503 with Retry-After."""
    ingest_queue_bytes: int = Field(default=32 * 2**20, ge=2**20)
    """Bytes that may wait for their commit, per process."""
    ingest_group_commit: bool = True
    """Write waiting requests in one transaction. False (one transaction a request) is there to be measured against."""
    exports_max: int = Field(default=4, ge=1, le=50)
    """Exports that may be downloaded at once, per process. Each has a connection of its own."""
    export_seconds_max: int = Field(default=3_600, ge=10)
    """How long one may take; then it is cut."""
    streams_max: int = Field(default=100, ge=1, le=10_000)
    """Live tails of evaluations that may be open at once, per process."""
    stream_seconds_max: float = Field(default=3_600, gt=0)
    """How long one may last; then its client is told to ask anew."""
    # No longer than the job that tells of it is kept (work.py), for its file goes with it.
    export_file_hours: int = Field(default=24, ge=1, le=24 * 7)
    """How long the files of export jobs are kept."""
    export_files_bytes_max: int = Field(default=2**30, ge=2**20)
    """Bytes that the kept files of one project may take in the database."""
    body_bytes_max: int = Field(default=10 * 2**20, ge=2**16)
    """The largest request body, before and after decompression."""

    detector_processes: int = Field(default=1, ge=1, le=32)
    """Answers that one process judges at a time (`POST /api/v1/evaluate`, scoring), each in a process of its own."""

    jobs_in_server: bool = True
    """Do background jobs in the server's own process. False: `agentops worker` does them, and must run."""
    jobs_at_once: int = Field(default=4, ge=1, le=100)
    """Background jobs that one process does at a time."""

    agentops_data_dir: Path = Field(default_factory=_default_data_dir)
    """Where the embedded database and the generated secrets live."""
    embedded_postgres: Literal["18", "16"] = "18"
    """Major version of the embedded PostgreSQL."""
    metrics_token: SecretStr | None = None
    """What Prometheus shows as `Authorization: Bearer` to read `GET /metrics`; at least 16 characters.
    Not set: only callers on this machine may."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least severity that is logged."""
    log_format: Literal["auto", "console", "json"] = "auto"
    """`json`: one object a line. `auto`: console on a terminal, else json."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, SecretFiles(settings_cls), dotenv_settings

    @field_validator("allowed_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(
                part.strip().rstrip("/") if "://" in part else part.strip() for part in value.split(",") if part.strip()
            )
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _exact_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "*" in value:
            raise ValueError("'*' would let every page call the API with its visitors' cookies; list the origins")
        return value

    @field_validator("database_url", "migration_database_url")
    @classmethod
    def _readable(cls, value: SecretStr | None) -> SecretStr | None:
        # libpq's own complaint would repeat the URL, and the password in it.
        if value is not None:
            try:
                conninfo_to_dict(value.get_secret_value())
            except ProgrammingError:
                raise ValueError("is not a URL like postgresql://user:password@host:5432/database") from None
        return value

    @field_validator("secret_key", "secret_key_previous", "supabase_jwt_secret")
    @classmethod
    def _strong(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        text = value.get_secret_value()
        if any(weak in text.lower() for weak in _WEAK_SECRETS) or len(set(text)) < 8:
            raise ValueError("is an example or guessable; make one with `openssl rand -hex 32`")
        if len(text.encode()) < SECRET_KEY_BYTES_MIN:
            raise ValueError(f"is shorter than {SECRET_KEY_BYTES_MIN} bytes; make one with `openssl rand -hex 32`")
        return value

    @field_validator("metrics_token")
    @classmethod
    def _hard_to_guess(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not (value.get_secret_value().isascii() and len(value) >= METRICS_TOKEN_CHARS_MIN):
            raise ValueError(f"has to be {METRICS_TOKEN_CHARS_MIN} ASCII characters or more; `openssl rand -hex 32`")
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.supabase_url and not self.database_url:
            raise ValueError(
                "SUPABASE_URL is set, but the Supabase URL and keys cannot open SQL: "
                "set DATABASE_URL too (Supabase dashboard, Connect, 'Session pooler' or 'Direct connection')"
            )
        if self.database_url and not self.secret_key:
            raise ValueError("SECRET_KEY is missing; make one with `openssl rand -hex 32`")
        return self

    @property
    def listen_port(self) -> int:
        """`PORT`, or `API_PORT` where a platform sets none."""
        return self.api_port if self.port is None else self.port

    @property
    def least_privilege_required(self) -> bool:
        """`REQUIRE_LEAST_PRIVILEGE`, or its default for the database in use."""
        return self.database_url is None if self.require_least_privilege is None else self.require_least_privilege


def load_settings() -> Settings:
    """The settings of this process. Raises Misconfigured with a line for each that is wrong, never with its value."""
    try:
        return Settings()
    except ValidationError as error:
        raise Misconfigured("; ".join(_line(each) for each in error.errors(include_input=False))) from None


def _line(error: ErrorDetails) -> str:
    name = str(error["loc"][0]).upper() if error["loc"] else ""
    return f"{name} {error['msg'].removeprefix('Value error, ')}".strip()


def signing_key(settings: Settings) -> str:
    """`SECRET_KEY`, or the one generated on first start and kept in the data directory (mode 0600)."""
    if settings.secret_key:
        return settings.secret_key.get_secret_value()
    path = settings.agentops_data_dir / "secret_key"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        # Written whole, then linked: of two processes that start together, one wins and neither reads half a key.
        draft = path.with_name(f"secret_key.{os.getpid()}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text().strip()

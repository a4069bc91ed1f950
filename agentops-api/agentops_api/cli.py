"""The `agentops` command. Each command is a few lines over the part that does the work."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar
from uuid import UUID

import orjson
import typer
from psycopg import DatabaseError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from agentops_api import clock, log, upkeep
from agentops_api.auth.command_line import default_project, make_key, make_user
from agentops_api.auth.models import SCOPES
from agentops_api.backup import backup
from agentops_api.compare import compare
from agentops_api.db.migrate import create_login, migrate, schema_sql
from agentops_api.db.opening import database_urls, open_database
from agentops_api.db.pool import Tx
from agentops_api.demo import history
from agentops_api.doctor import effective, examine
from agentops_api.errors import AgentOpsError, NotFound
from agentops_api.evaluations.accept import Reception, accept
from agentops_api.evaluations.models import Window
from agentops_api.exports import command_line as exports
from agentops_api.projects import store as projects
from agentops_api.restore import restore
from agentops_api.settings import Settings, load_settings
from agentops_api.telemetry import rollups, words
from agentops_api.telemetry.postgres import PostgresStore
from agentops_api.telemetry.store import Record
from agentops_api.version import VERSION
from agentops_api.work import work

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The backend for LLM agent observability.")
users = typer.Typer(no_args_is_help=True, help="People.")
keys = typer.Typer(no_args_is_help=True, help="API keys.")
search = typer.Typer(no_args_is_help=True, help="Words kept beside the evaluations.")
rollup = typer.Typer(no_args_is_help=True, help="Statistics kept beside the evaluations.")
app.add_typer(users, name="user")
app.add_typer(keys, name="key")
app.add_typer(rollup, name="rollups")
app.add_typer(search, name="search")
app.command()(compare)
app.command("export")(exports.export)
app.command("import")(exports.import_)

_SEED_CHUNK_ROWS = 1_000
_out, _err = Console(), Console(stderr=True)
T = TypeVar("T")


def main() -> None:
    """Runs the command; an error a user can mend is one line, not a traceback."""
    try:
        app()
    except AgentOpsError as error:
        _fail(str(error))
    except DatabaseError as error:
        _fail(f"The database refuses: {' '.join(str(error).split())}")


def _fail(sentence: str) -> NoReturn:
    _err.print(f"[red]agentops:[/] {escape(sentence)}", soft_wrap=True, highlight=False)
    sys.exit(1)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on (HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on (PORT, API_PORT).")] = None,
) -> None:
    """Run the server, with its own database unless DATABASE_URL names one."""
    # The web framework is slow to import, and only two commands need it.
    from agentops_api.serve import serve as serve_forever  # noqa: PLC0415 - as above

    settings = load_settings()
    chosen = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = settings.model_copy(update=chosen)
    url = f"http://{'localhost' if settings.host == '127.0.0.1' else settings.host}:{settings.listen_port}"
    _err.print(f"[bold]AgentOps API {VERSION}[/] on {url} (interactive docs: {url}/docs)")
    serve_forever(settings)


@app.command()
def worker() -> None:
    """Do background jobs, beside servers that have JOBS_IN_SERVER=false or not enough hands."""
    settings = load_settings()
    log.configure(settings.log_level, settings.log_format)
    asyncio.run(work(settings))


@app.command("migrate")
def migrate_(
    sql: Annotated[bool, typer.Option("--sql", help="Print the whole schema instead.")] = False,
    new_login: Annotated[
        bool, typer.Option("--create-login", help="Also make a login that owns nothing, and print its URL.")
    ] = False,
) -> None:
    """Bring the database's schema up to date."""
    if sql:
        sys.stdout.write(schema_sql())
        return

    async def run(settings: Settings) -> None:
        async with database_urls(settings) as urls:
            changed = await migrate(urls.owner, login=urls.allowed)
            _err.print("The schema was brought up to date." if changed else "The schema is up to date.")
            if new_login:
                sys.stdout.write(await create_login(urls.owner) + "\n")

    _run(run)


@app.command("backup")
def backup_(file: Annotated[Path, typer.Argument(help="The file to write; it must not exist.")]) -> None:
    """Write all that the database holds into one file; the server may run."""

    async def run(settings: Settings) -> None:
        async with database_urls(settings) as urls:
            with _steps() as progress:
                manifest = await asyncio.to_thread(backup, urls.reader, file, progress)
            size = file.stat().st_size
            _err.print(f"Backed up {manifest.rows:,} rows of {len(manifest.tables)} tables in {size:,} bytes.")

    _run(run)


@app.command("restore")
def restore_(
    file: Annotated[Path, typer.Argument(help="What `agentops backup` wrote.")],
    replace: Annotated[bool, typer.Option("--replace", help="Delete what the database holds.")] = False,
) -> None:
    """Put a backup in the place of what the database holds; stop the servers first."""

    async def run(settings: Settings) -> None:
        async with database_urls(settings) as urls:
            with _steps() as progress:
                manifest = await asyncio.to_thread(
                    restore, urls.owner, file, progress, login=urls.allowed, replace=replace
                )
            await migrate(urls.owner, login=urls.allowed)
            _err.print(f"Restored {manifest.rows:,} rows of {manifest.made_at:%Y-%m-%d %H:%M} UTC; all of them agree.")

    _run(run)


@app.command()
def doctor() -> None:
    """Show the configuration in effect, secrets masked, and what is wrong with it."""

    async def run(settings: Settings) -> bool:
        for name, value in effective(settings).items():
            _out.print(f"{name}={value}", markup=False, highlight=False, soft_wrap=True)
        _out.print()
        findings = await examine(settings)
        colours = {"ok": "green", "warning": "yellow", "error": "red"}
        for finding in findings:
            _out.print(f"[{colours[finding.level]}]{finding.level:8}[/]{escape(finding.text)}", soft_wrap=True)
        return all(finding.level != "error" for finding in findings)

    if not _run(run):
        raise typer.Exit(1)


@app.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    from agentops_api.app import create_app  # noqa: PLC0415 - as in `serve`

    document = create_app(Settings(_env_file=None)).openapi()  # pyright: ignore[reportCallIssue] - pydantic-settings' own argument
    sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")


@app.command()
def version() -> None:
    """Print the version."""
    sys.stdout.write(f"agentops-api {VERSION}\n")


@users.command("create")
def create_user(
    email: str,
    full_name: Annotated[str, typer.Option(help="The person's name.")] = "",
    password: Annotated[
        str,
        typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, envvar="AGENTOPS_PASSWORD"),
    ] = "",
) -> None:
    """Make a user with their organization and default project."""

    async def run(settings: Settings) -> None:
        async with open_database(settings) as db:
            user = await make_user(db, email=email, password=password, full_name=full_name or None)
            sys.stdout.write(f"{user.id}\n")

    _run(run)


@keys.command("create")
def create_key(
    email: Annotated[str, typer.Argument(help="Whose default project the key is for.")],
    name: Annotated[str, typer.Option(help="What the key is for.")] = "command line",
    scope: Annotated[list[str] | None, typer.Option(help=f"Any of {', '.join(SCOPES)}. Default: all.")] = None,
) -> None:
    """Make an API key and print it; it is shown this once."""

    async def run(settings: Settings) -> None:
        async with open_database(settings) as db:
            sys.stdout.write(await make_key(db, email=email, name=name, scopes=scope or list(SCOPES)) + "\n")

    _run(run)


@rollup.command("rebuild")
def rebuild_rollups(project_id: UUID) -> None:
    """Count a project's statistics anew from its evaluations; ingest may go on."""

    async def run(settings: Settings) -> None:
        async with _project(settings, project_id) as tx:
            await rollups.rebuild(tx, project_id)

    _run(run)


@search.command("rebuild")
def rebuild_search(project_id: UUID) -> None:
    """Queue a project's evaluations to be made findable anew; the running server files them."""

    async def run(settings: Settings) -> None:
        async with _project(settings, project_id) as tx:
            await words.requeue(tx, project_id)

    _run(run)


@app.command("seed-demo")
def seed_demo(
    rows: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many evaluations.")] = 10_000,
    days: Annotated[int, typer.Option(min=1, max=3_650, help="Over how many days, until now.")] = 30,
    email: Annotated[str, typer.Option(help="Whose default project; made when missing.")] = "demo@example.com",
) -> None:
    """Fill a project with a realistic history, to look at."""

    async def run(settings: Settings) -> None:
        async with open_database(settings) as db:
            project_id, password = await default_project(db, email=email)
            await upkeep.ensure_partitions(db, past=timedelta(days=days))
            store = PostgresStore(db)
            reception = Reception(project_id, Window(timedelta(days=days), timedelta(0)), clock.now(), has_nul=False)
            with _progress() as progress:
                task = progress.add_task("evaluations", total=rows)
                chunk: list[Record] = []
                for item in history(rows=rows, days=days, until=reception.now):
                    chunk.append(accept(item, reception))
                    if len(chunk) == _SEED_CHUNK_ROWS:
                        await store.insert(chunk)
                        progress.advance(task, len(chunk))
                        chunk = []
                if chunk:
                    await store.insert(chunk)
                    progress.advance(task, len(chunk))
            await upkeep.merge_what_was_left(db)
            key = await make_key(db, email=email, name="demo", scopes=list(SCOPES))
        _out.print(f"project  {project_id}\nkey      {key}\nlog in   {email}", highlight=False)
        if password:
            _out.print(f"password {password}", highlight=False, markup=False)

    _run(run)


@asynccontextmanager
async def _project(settings: Settings, project_id: UUID) -> AsyncGenerator[Tx]:
    """A long transaction as the project, which must be there."""
    async with open_database(settings) as db:
        async with db.as_system() as tx:
            if not await projects.is_there(tx, project_id):
                raise NotFound(f"There is no project {project_id}.")
        async with db.as_project(project_id, statement_ms_max=3_600_000) as tx:
            yield tx


def _progress() -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Progress(*columns, console=_err)


@contextmanager
def _steps() -> Generator[Callable[[str, int, int | None], None]]:
    """Shows steps of which each says how far it is."""
    with _progress() as shown:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = shown.add_task(what, total=total)
            shown.update(tasks[what], completed=done)

        yield tell


def _run(work: Callable[[Settings], Coroutine[None, None, T]]) -> T:
    settings = load_settings()
    log.configure("WARNING", settings.log_format)
    return asyncio.run(work(settings))


if __name__ == "__main__":
    main()

"""Results as tables, for the terminal and for docs/benchmarks.md alike. Decides nothing about how to measure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import rich.table
from rich import box

from benchmarks.results import Ingest, Results, Way, quietest

_WAYS: dict[Way, str] = {
    "group commit": "HTTP, group commit",
    "no rollups": "HTTP, no rollups",
    "a transaction a request": "HTTP, one by one",
    "unnest": "SQL, unnest",
    "insert": "SQL, no rollups",
    "insert and rollups": "SQL, as the server",
}
# How the names of questions begin, the first that fits, and the p95 in milliseconds that is aimed at.
_READ_AIMS = (
    ("statistics", 10),
    ("summary", 20),
    ("90 days by day", 20),
    ("7 days by hour and model", 60),
    ("breakdown by model", 20),
    ("search", 100),
    ("list, ", 30),
    ("list", 20),
)
_AIM_ROWS_MIN = 1_000_000


@dataclass(frozen=True, slots=True)
class Table:
    """A title, columns, and rows of text; the first column is text, the others are numbers."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]

    def rich(self) -> rich.table.Table:
        """For the terminal."""
        made = rich.table.Table(title=self.title, box=box.SIMPLE, title_justify="left")
        for at, column in enumerate(self.columns):
            made.add_column(column, justify="left" if at == 0 else "right", no_wrap=True)
        for row in self.rows:
            made.add_row(*row)
        return made

    def markdown(self) -> str:
        """For a document, below a heading of its own."""
        lines = [_cells(self.columns), _cells(["---", *["---:"] * (len(self.columns) - 1)])]
        return "\n".join([f"## {self.title}", "", *lines, *(_cells(row) for row in self.rows)])


def tables(results: Results) -> list[Table]:
    """Every table that the results have something for."""
    made = [_aims(results), _writing(results), _ratios(results), _rollups(results)]
    made += [_reading(results), _raw(results), _growth(results), _fills(results), _starts(results), _memory(results)]
    return [table for table in made if table.rows]


def line(measured: Ingest) -> str:
    """One measurement in a few words."""
    refused = f", {measured.refused} refused" if measured.refused else ""
    return f"{_shape(measured)}, {_WAYS[measured.way]}: {measured.rows_s:,.0f}/s{refused}"


def _aims(results: Results) -> Table:
    found = {(each.way, each.shape): each for each in quietest(results.ingest)}
    rows: list[tuple[str, ...]] = []

    def judge(what: str, aim: str, value: float, shown: str, is_met: Callable[[float], bool]) -> None:
        rows.append((what, aim, shown, "yes" if is_met(value) else "no"))

    single, batch = found.get(("group commit", (1, 64, False))), found.get(("group commit", (100, 8, False)))
    if single and batch:
        rate, p99 = single.rows_s, single.p99_ms
        judge("single POSTs at 64 connections", ">= 4,000/s", rate, f"{rate:,.0f}/s", lambda v: v >= 4_000)
        judge("their p99", "<= 50 ms", p99, f"{p99:.1f} ms", lambda v: v <= 50)
        judge("batches of 100", ">= 25,000/s", batch.rows_s, f"{batch.rows_s:,.0f}/s", lambda v: v >= 25_000)
    large, plain = found.get(("group commit", (500, 8, False))), found.get(("unnest", (500, 1, False)))
    if large and plain:
        share = large.rows_s / plain.rows_s
        judge("batches of 500 against unnest without HTTP", ">= 50 %", share, f"{share:.0%}", lambda v: v >= 0.5)
    for each, pairs in _against(results, "group commit", "no rollups"):
        share = min(pairs)[1]
        judge(f"{_shape(each)}: with rollups against without", ">= 85 %", share, f"{share:.0%}", lambda v: v >= 0.85)
    for start, rows_total, limit_ms, worst in _slowest(results):
        title = f"{start.rstrip(', ')}: worst p95 at {rows_total:,} rows"
        judge(title, f"<= {limit_ms} ms", worst, f"{worst:.1f} ms", lambda v, limit=limit_ms: v <= limit)
    if results.memory:
        most = max(each.server_mib for each in results.memory)
        judge("server's memory (RSS), at most", "<= 150 MiB", most, f"{most:.0f} MiB", lambda v: v <= 150)
    warm = [each.ready_s for each in results.starts if each.how.startswith("warm")]
    if warm:
        judge("ready after a warm start", "<= 3 s", median(warm), f"{median(warm):.1f} s", lambda v: v <= 3)
    return Table("Aims", ("what", "aim", "measured", "met"), rows)


def _slowest(results: Results) -> list[tuple[str, int, int, float]]:
    """What questions of a kind begin with, the project's rows, the aim, and the slowest p95 of the kind."""
    slowest: dict[tuple[str, int, int], float] = {}
    for each in results.reads:
        kind = next(((start, limit_ms) for start, limit_ms in _READ_AIMS if each.what.startswith(start)), None)
        if kind and each.rows >= _AIM_ROWS_MIN:
            key = kind[0], each.rows, kind[1]
            slowest[key] = max(slowest.get(key, 0.0), each.p95_ms)
    return [(*key, worst) for key, worst in slowest.items()]


def _writing(results: Results) -> Table:
    columns = (
        *("request", "way", "rows/s", "p50 ms", "p99 ms", "failed"),
        *("server us/row", "database us/row", "client busy", "others"),
    )
    rows = [
        (
            *(_shape(each), _WAYS[each.way], f"{each.rows_s:,.0f}", f"{each.p50_ms:.1f}", f"{each.p99_ms:.1f}"),
            *(str(each.refused + each.broken), _tenths(each.server_us), _tenths(each.postgres_us)),
            *(_share(each.client_busy), _share(each.others_busy)),
        )
        for each in sorted(quietest(results.ingest), key=lambda each: (each.rows_a_request, each.client_ids))
    ]
    return Table("Writing", columns, rows)


def _ratios(results: Results) -> Table:
    rows: list[tuple[str, ...]] = []
    for each, pairs in _against(results, "group commit", "a transaction a request"):
        plain = _pairs(results, each, "unnest", (each.rows_a_request, 1, False))
        rows.append((_shape(each), _ratio(pairs), _ratio(plain)))
    return Table(
        "Group commit against its alternatives",
        ("request", "against a transaction a request", "against INSERT ... unnest without HTTP"),
        rows,
    )


def _rollups(results: Results) -> Table:
    rows = [
        (f"HTTP: {_shape(each)}", _ratio(pairs), "-") for each, pairs in _against(results, "group commit", "no rollups")
    ]
    for each, pairs in _against(results, "insert and rollups", "insert"):
        against_plain = _pairs(results, each, "unnest", each.shape)
        rows.append((f"SQL: {each.rows_a_request} rows a transaction", _ratio(pairs), _ratio(against_plain)))
    columns = ("rows a second with rollups", "against no rollups", "against INSERT ... unnest")
    return Table("What rollups cost", columns, rows)


def _against(results: Results, way: Way, other: Way) -> list[tuple[Ingest, list[tuple[float, float]]]]:
    """Of each shape that was measured both ways: the quietest measurement, and the ratios of all laps."""
    each_way = [each for each in quietest(results.ingest) if each.way == way]
    found = [(each, _pairs(results, each, other, each.shape)) for each in each_way]
    return [(each, pairs) for each, pairs in found if pairs]


def _pairs(results: Results, each: Ingest, way: Way, shape: tuple[int, int, bool]) -> list[tuple[float, float]]:
    """For each lap, how much it was disturbed and the ratio of the two."""
    others = {other.lap: other for other in results.ingest if (other.way, other.shape) == (way, shape)}
    ratios: list[tuple[float, float]] = []
    for own in results.ingest:
        if (own.way, own.shape) == (each.way, each.shape) and own.lap in others:
            other = others[own.lap]
            ratios.append((max(own.others_busy or 0, other.others_busy or 0), own.rows_s / other.rows_s))
    return ratios


def _ratio(pairs: list[tuple[float, float]]) -> str:
    """The ratio of the lap that was disturbed least, and the range over all laps."""
    if not pairs:
        return "-"
    values = [ratio for _, ratio in pairs]
    spread = f" ({min(values):.2f} to {max(values):.2f})" if len(values) > 1 else ""
    return f"{min(pairs)[1]:.2f}{spread}"


def _reading(results: Results) -> Table:
    rows = [
        (
            *(each.what, f"{each.rows:,}", _tenths(each.first_ms)),
            *(f"{each.p50_ms:.1f}", f"{each.p95_ms:.1f}", f"{each.p99_ms:.1f}"),
            *(
                f"{each.max_ms:.1f}",
                _tenths(each.cpu_ms),
                str(each.failed),
                _share(each.others_busy),
                f"{each.bytes:,}",
            ),
        )
        for each in results.reads
    ]
    return Table(
        "Reading",
        ("request", "rows", "first ms", "p50 ms", "p95 ms", "p99 ms", "max ms", "CPU ms", "503s", "others", "bytes"),
        rows,
    )


def _raw(results: Results) -> Table:
    asked = {(each.rows, each.what): each for each in results.reads}
    rows: list[tuple[str, ...]] = []
    for each in results.raws:
        if api := asked.get((each.rows, each.what)):
            numbers = (
                f"{api.p50_ms:.1f}",
                f"{api.p95_ms:.1f}",
                f"{each.p50_ms:,.1f}",
                f"{each.p50_ms / api.p50_ms:,.1f}",
            )
            rows.append((each.what, f"{each.rows:,}", *numbers))
    columns = ("question", "rows", "API p50 ms", "API p95 ms", "raw table p50 ms", "times faster")
    return Table("Beside the raw table", columns, rows)


def _growth(results: Results) -> Table:
    sizes = sorted({each.rows for each in results.reads})
    found = {(each.rows, each.what): f"{each.p95_ms:.1f}" for each in results.reads}
    whats = dict.fromkeys(each.what for each in results.reads)
    rows = [(what, *(found.get((size, what), "-") for size in sizes)) for what in whats]
    columns = ("p95 ms", *(f"{size:,} rows" for size in sizes))
    return Table("How it grows", columns, rows if len(sizes) > 1 else [])


def _fills(results: Results) -> Table:
    rows = [
        (f"{each.rows:,}", f"{each.rows_s:,.0f}", f"{each.rollups_s:,.0f}", f"{each.words_s:,.0f}")
        for each in results.fills
    ]
    columns = ("rows", "making the rows, s", "rebuilding their rollups, s", "filing their words, s")
    return Table("Rebuilding rollups and words", columns, rows)


def _starts(results: Results) -> Table:
    hows = list(dict.fromkeys(each.how for each in results.starts))
    rows = [(how, f"{median(each.ready_s for each in results.starts if each.how == how):.2f}") for how in hows]
    return Table("Starting", ("start", "ready after s"), rows)


def _memory(results: Results) -> Table:
    rows = [(each.when, f"{each.server_mib:.0f}", f"{each.postgres_mib:.0f}") for each in results.memory]
    return Table("Memory", ("when", "server RSS MiB", "PostgreSQL PSS MiB"), rows)


def _shape(measured: Ingest) -> str:
    kind = "single" if measured.rows_a_request == 1 else f"batch of {measured.rows_a_request}"
    clients = f"{measured.connections} connection{'s' if measured.connections > 1 else ''}"
    return f"{kind}, {clients}{', ids by the client' if measured.client_ids else ''}"


def _tenths(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _cells(texts: Sequence[str]) -> str:
    return "| " + " | ".join(texts) + " |"

"""Writes docs/benchmarks.md from the newest results of each part: `python -m benchmarks.report`.

Every number in that document was measured by `benchmarks.run`, or by the script that its section names; nobody edits
it. What `benchmarks.dashboard` measured goes into docs/dashboard.md, between its two marks.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import dashboard_results, rows
from benchmarks.kept import Kept, all_kept
from benchmarks.results import Results, kept, together
from benchmarks.tables import tables

_DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks.md"
_DASHBOARD = _DOCUMENT.with_name("dashboard.md")
_MEASURED = re.compile(r"(?<=<!-- measured: begin -->\n).*(?=<!-- measured: end -->)", re.DOTALL)

_METHOD = f"""\
How it was measured:

- A real server process (`agentops serve`) with its embedded PostgreSQL: durability on, row level security on, rate
  limits raised. A second one with `INGEST_GROUP_COMMIT=false` shares the database (`one by one`), and a third one whose
  statement is replaced by one without rollups (`no rollups`).
- Each kind of request is measured on these servers and without HTTP, directly after each other, and everything is
  repeated in turning order. A measurement during which anything else used more than a tenth of the machine is
  made again, at most twice; `others` says how much that was in the one that counts. Of the rounds, the tables show the
  one disturbed least; ratios are of that round too, with their range over all.
- `client busy` is the CPU time of the load generator over the time that its threads had. Well below 100 % it was not
  the bottleneck; but it, the server and the database share the machine's cores.
- `SQL` means: without HTTP, as the same role with the same claims and policies, over one connection; only the time in
  transactions counts. `unnest` is a plain `INSERT ... SELECT FROM unnest(...)`, `as the server` the server's own
  statement with its rollups, `no rollups` the same without them.
- Reading: a project whose evaluations are spread over {rows.DAYS} days, {rows.AGENTS} agents, {rows.MODELS} models and
  {len(rows.MODES)} modes, in sessions of {rows.SESSION_ROWS}, asked over one connection, one request after the other,
  until the whole answer was read; measured again, at most twice, while others use more than a tenth of the machine.
  `first` is the very first request, for which nothing is remembered (ADR 18); p50 and p95 are of warm repeats. The step
  sizes of a search were chosen by looking at these questions. Rows are made within PostgreSQL, rollups
  by the code of `agentops rollups rebuild`, and words are filed as the server files them, which is checked on a day of
  each project.
- `search`: words of 5,000 that follow Zipf's law, about 50 in an evaluation. A common word is in a quarter of all
  evaluations or more, a rare one in one of 700, the others between them.
- `CPU` is the time that server and PostgreSQL computed for a request. What else an answer took, on a machine that
  others use, it waited for a core. Under such load a request also computes longer than it would alone.
- `raw table`: the same questions as SQL over the evaluations themselves, as the role that the server reads as, with row
  level security, over one connection. It has the easier work: a summary of one window and not of two, no tests of
  significance, no JSON.
"""


def main() -> None:
    """Rewrites the documents; ends with a message where nothing was measured yet."""
    runs = kept()
    if not runs:
        sys.exit("There are no results yet: `make bench` measures.")
    _DOCUMENT.parent.mkdir(exist_ok=True)
    _DOCUMENT.write_text(document(runs, all_kept()))
    print("Wrote docs/benchmarks.md.")
    seen = dashboard_results.newest()
    if seen:
        before = _DASHBOARD.read_text()
        _DASHBOARD.write_text(_MEASURED.sub(lambda _: dashboard_results.text(seen) + "\n", before))
        print("Wrote what was measured into docs/dashboard.md.")


def document(runs: Sequence[Results], others: Sequence[Kept] = ()) -> str:
    """The document's text, of runs that begin with the newest, and of other scripts' tables."""
    results, used = together(runs)
    machine = results.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    when = "\n".join(
        f"- {part.capitalize()}: {run.at:%Y-%m-%d %H:%M} UTC ({run.name}); load average before the run "
        f"{run.machine.load_average}"
        for part, run in used.items()
    )
    head = f"""\
# Benchmarks

Made by `python -m benchmarks.report` from what `make bench` measured. Do not edit: measure again.

{when}
- Machine: {machine.cores} cores of {machine.cpu}, {machine.memory_mib:,} MiB, {machine.system}, the database on \
{machine.filesystem}
- Versions: {versions}
- Load: {results.load_generator}; {results.seconds} s a measurement; an evaluation is {results.body_bytes} bytes of \
JSON; seed {results.seed}

These are numbers of one machine: compare ratios, and run it on yours. A load average above the number of cores before
the run means that others were using the machine too: then all times are longer than the product's own.
"""
    parts = [*(table.markdown() for table in tables(results)), *(kept.markdown() for kept in others)]
    return "\n".join([head, _METHOD, *(f"{part}\n" for part in parts)])


if __name__ == "__main__":
    main()

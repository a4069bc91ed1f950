"""`agentops compare` as a build runs it: a process that asks a server on a port, its exit code, and what it prints."""

import asyncio
import random
import re
import socket
import subprocess
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import orjson
import pytest
import uvicorn
from agentops_api.analytics.queries import CompareQuery
from fastapi import FastAPI
from httpx2 import AsyncClient
from tests.cast import Somebody
from tests.command import agentops

pytestmark = pytest.mark.anyio
Done = subprocess.CompletedProcess[str]
OLD_AND_NEW = ("--base-model-name", "old", "--candidate-model-name", "new")


class Compare(Protocol):
    """Runs the command against the server, with the owner's key unless another is given."""

    async def __call__(self, *words: str, **environment: str) -> Done: ...


@pytest.fixture
async def url(app: FastAPI) -> AsyncGenerator[str]:
    """The address of the application, which a process of its own can reach."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
        serving = asyncio.create_task(server.serve([listening]))
        while not server.started:  # noqa: ASYNC110 - uvicorn tells it in no other way
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await serving


@pytest.fixture
def compare(url: str, owner: Somebody, tmp_path: Path) -> Compare:
    known = {"AGENTOPS_API_URL": url, "AGENTOPS_API_KEY": owner.key, "NO_PROXY": "127.0.0.1"}

    async def run(*words: str, **environment: str) -> Done:
        return await asyncio.to_thread(
            partial(agentops, "compare", *words, directory=tmp_path, **(known | environment))
        )

    return run


@pytest.fixture
async def models(sdk: AsyncClient) -> None:
    """The model `new` is really worse than `old`, `same` answers as `old` does, and `few` has five answers unjudged."""
    dice = random.Random(3)

    def answers(model: str, *, one_wrong_in: int, slower: float) -> list[dict[str, Any]]:
        return [
            {
                "prompt": "p",
                "response": "r",
                "model_name": model,
                "hallucinated": n % one_wrong_in == 0,
                "latency_sec": dice.lognormvariate(slower, 0.3),
            }
            for n in range(400)
        ]

    good = answers("old", one_wrong_in=20, slower=0)
    bad = answers("new", one_wrong_in=5, slower=0.3)
    few = [item | {"model_name": "few", "hallucinated": None} for item in good[:5]]
    for items in (good, bad, few, [item | {"model_name": "same"} for item in good]):
        assert (await sdk.post("/evaluations/batch", json={"evaluations": items})).status_code == 201


def refused(done: Done) -> str:
    """The one line that an error is answered with."""
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("agentops: ")
    return line


@pytest.mark.usefixtures("models")
async def test_a_regression_fails_the_build_and_nothing_else_does(compare: Compare, stranger: Somebody) -> None:
    worse = await compare(*OLD_AND_NEW)
    assert (worse.returncode, worse.stderr) == (1, "")
    assert re.search(r"^base +old, .* UTC, 400 evaluations$", worse.stdout, re.MULTILINE)
    assert re.search(r"hallucination_rate .* 0\.05 .* 0\.2 .* worse ", worse.stdout)
    assert re.search(r"^regressed .*hallucination_rate", worse.stdout, re.MULTILINE)
    for words, verdict in (
        (("--base-model-name", "new", "--candidate-model-name", "old"), "improved"),
        (("--base-model-name", "old", "--candidate-model-name", "same", "--days", "3"), "no real change"),
        (("--base-model-name", "old", "--candidate-model-name", "few"), "too few not enough evaluations to say"),
        ((*OLD_AND_NEW, "--tolerance", "5"), "tolerated really worse, but by no more than the tolerance"),
        (("--base-model-name", "old", "--candidate-model-name", "nobody", "--allow-empty"), "too few not enough"),
    ):
        done = await compare(*words)
        assert (done.returncode, done.stderr) == (0, ""), verdict
        assert done.stdout.splitlines()[-1].startswith(verdict)
        assert ("worse, tolerated" in done.stdout) == verdict.startswith("tolerated")
    foreign = refused(await compare(*OLD_AND_NEW, AGENTOPS_API_KEY=stranger.key))
    assert "for the base (model_name 'old'" in foreign, "a stranger compares nothing of the owner's"
    assert "and the candidate (model_name 'new'" in foreign


@pytest.mark.usefixtures("models")
async def test_a_side_without_evaluations_is_no_pass(compare: Compare) -> None:
    for words, side in (
        (("--base-model-name", "old", "--candidate-model-name", "typo"), "the candidate (model_name 'typo', 20"),
        (("--base-model-name", "typo", "--candidate-model-name", "old"), "the base (model_name 'typo', 20"),
        (
            (*OLD_AND_NEW, "--metadata-key", "k", "--metadata-value", ""),
            "the base (model_name 'old', metadata_key 'k', metadata_value '', 20",
        ),
    ):
        line = refused(await compare(*words))
        assert f"There are no evaluations for {side}" in line
        assert "--allow-empty" in line
    done = await compare("--base-model-name", "old", "--candidate-model-name", "typo", "--json")
    assert (done.returncode, orjson.loads(done.stdout)["candidate"]["figures"]["count"]) == (2, 0)
    assert "the candidate" in done.stderr


@pytest.mark.usefixtures("models")
async def test_sides_that_may_have_evaluations_in_common_are_no_pass(compare: Compare, sdk: AsyncClient) -> None:
    periods = ("--base-start", "2026-11-01", "--base-end", "2026-11-20", "--candidate-start", "2026-11-19T23:00")
    for words, overlap in (
        (("--base-model-name", "old"), True),
        (("--base-model-name", "old", "--candidate-agent-name", "a"), True),
        (periods, True),
        ((*periods[:-1], "2026-11-20"), False),
        ((*periods, "--base-model-name", "old", "--candidate-model-name", "new"), False),
        (OLD_AND_NEW, False),
    ):
        asked = {
            name.removeprefix("--").replace("-", "_"): value
            for name, value in zip(words[::2], words[1::2], strict=True)
        }
        answer = await sdk.get("/api/v1/analytics/compare", params=asked)
        assert answer.json()["overlap"] is overlap, words
    assert "can be on both sides" in refused(await compare("--base-model-name", "old"))
    done = await compare("--base-model-name", "old", "--allow-overlap")
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.usefixtures("models")
async def test_the_table_fits_80_columns_and_says_how_sure_the_difference_is(compare: Compare) -> None:
    shown = (await compare(*OLD_AND_NEW)).stdout
    assert "avg_hallucination_probability " in shown
    assert "…" not in shown
    assert "hallucination_rate differs by +0.15 (95 %: +0.1054 to +0.1954)" in shown.splitlines()
    assert all(len(line.rstrip()) <= 80 for line in shown.splitlines() if not line.startswith("regressed"))


@pytest.mark.usefixtures("models")
async def test_json_is_the_servers_answer(compare: Compare, sdk: AsyncClient) -> None:
    words = ("--json", "--allow-empty", "--start", "2026-11-01T00:00:00Z", "--end", "2026-11-08T00:00:00Z")
    done = await compare(*OLD_AND_NEW, *words)
    asked = {"base_model_name": "old", "candidate_model_name": "new"}
    period = {"start": "2026-11-01T00:00:00Z", "end": "2026-11-08T00:00:00Z"}
    answer = await sdk.get("/api/v1/analytics/compare", params=asked | period)
    assert done.returncode == 0
    assert orjson.loads(done.stdout) == answer.json()


async def test_every_parameter_of_the_comparison_is_an_option(compare: Compare) -> None:
    shown = await compare("--help")
    options = set(re.findall(r"--([a-z][a-z-]+)", shown.stdout)) - {
        "help",
        "json",
        "allow-empty",
        "allow-overlap",
        "url",
        "key",
    }
    assert options == {name.replace("_", "-") for name in CompareQuery.model_fields}


async def test_an_error_is_one_sentence_and_never_a_regression(compare: Compare, owner: Somebody, url: str) -> None:
    made = await owner.person.post("/auth/api-keys", json={"name": "writes", "scopes": ["ingest"]})
    writes = made.json()["key"]
    assert "AGENTOPS_API_KEY" in refused(await compare(*OLD_AND_NEW, AGENTOPS_API_KEY=""))
    assert "AGENTOPS_API_KEY" in refused(await compare(*OLD_AND_NEW, AGENTOPS_API_KEY="agops_ä\nb"))
    assert "(401)" in refused(await compare(*OLD_AND_NEW, AGENTOPS_API_KEY="agops_wrong"))
    assert "(403)" in refused(await compare(*OLD_AND_NEW, AGENTOPS_API_KEY=writes))
    assert "(422): tolerance: " in refused(await compare(*OLD_AND_NEW, "--tolerance", "-1"))
    assert "(422): base_model_name: " in refused(await compare("--base-model-name", "a", "--candidate-model-name", "a"))
    assert "(422): time_zone: " in refused(await compare(*OLD_AND_NEW, "--time-zone", "Mars/Olympus"))
    assert "--candidate-model-name" in refused(await compare("--days", "7"))
    assert "cannot be asked" in refused(await compare(*OLD_AND_NEW, AGENTOPS_API_URL="http://127.0.0.1:1"))
    assert "(404)" in refused(await compare(*OLD_AND_NEW, AGENTOPS_API_URL=f"{url}/elsewhere"))
    assert "cannot be asked" in refused(await compare(*OLD_AND_NEW, AGENTOPS_API_URL="not an address"))
    assert "is this the address" in refused(await compare(*OLD_AND_NEW, AGENTOPS_API_URL=f"{url}/openapi.json?x="))
    for words in (("--unheard-of",), ("--days", "many")):
        assert (await compare(*words)).returncode == 2

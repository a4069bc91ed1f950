"""What a query finds in a text: cases, each looked up where the text is queued and where its words are filed."""

import unicodedata
from collections.abc import AsyncGenerator
from datetime import timedelta
from uuid import uuid4

import pytest
from agentops_api import clock, upkeep
from agentops_api.db.pool import Database
from agentops_api.errors import Invalid
from agentops_api.evaluations.accept import Reception, accept
from agentops_api.evaluations.models import EvaluationIn, Filters, Window
from agentops_api.telemetry import tokens, words
from agentops_api.telemetry.postgres import PostgresStore
from tests.cast import TestDatabase

pytestmark = pytest.mark.anyio


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


LONG = "".join(map(chr, range(0x4E00, 0x4E00 + 300)))
FOUND = [
    # Scripts without spaces: what stands there as it was typed.
    ("東京都は大きい", "東京"),
    ("東京都は大きい", "大きい 東京"),
    ("日本語の文章です。", "日本語"),
    ("在北京大学读书", "大学"),
    ("コンピューター", "ピュータ"),
    ("ｺﾝﾋﾟｭｰﾀｰ", "コンピューター"),
    ("iPhone手机2台", "iphone 手机"),
    ("iPhone手机2台", "2"),
    ("ราคาน้ำมันวันนี้", "น้ำมัน"),
    ("ພາສາລາວ", "ລາວ"),
    ("ភាសា\u200bខ្មែរ", "ភាសាខ្មែរ"),
    ("မြန်မာဘာသာ", "ဘာသာ"),
    ("𠮷野家", "𠮷野"),
    (LONG, LONG[10:200]),
    # Words, in whatever form they were typed.
    ("Un café noir", decomposed("CAFÉ")),
    (decomposed("Un café noir"), "café"),
    ("\uff21\uff22\uff23 inc.", "abc"),
    ("ﬁnal", "final"),
    ("ΟΔΟΣ", "οδος"),
    ("σίγμας", "ΣΊΓΜΑΣ"),
    (decomposed("한국어 문장"), "한국어"),
    ("हिन्दी में", "हिन्दी"),
    ("co\u00adoperate", "cooperate"),
    ("q\u0304uo", "Q\u0304UO"),
]
NOT_FOUND = [
    ("京東は東の京", "東京"),
    ("東、京", "東京"),
    ("iPhone手机2台", "phone"),
    ("iPhone手机20台", "2"),
    ("น้ำ", "มัน"),
    ("한국어는", "한국어"),
    ("हिन दी", "हिन्दी"),
    ("quo", "q\u0304uo"),
    ("cafe", "café"),
]


@pytest.fixture
async def db(database: TestDatabase) -> AsyncGenerator[Database]:
    async with Database(database.login_url, connections_max=2) as opened:
        await upkeep.ensure_partitions(opened, past=timedelta(days=2))
        yield opened


async def test_each_query_finds_what_it_means(db: Database) -> None:
    store = PostgresStore(db)
    for text, query in FOUND + NOT_FOUND:
        project_id = uuid4()
        reception = Reception(project_id, Window(timedelta(days=1), timedelta(hours=1)), clock.now(), has_nul=False)
        await store.insert([accept(EvaluationIn(prompt="p", response=text), reception)])
        for _ in ("queued", "filed"):
            page = await store.search(project_id, query, Filters(), after=None, limit=2)
            assert [each.response for each in page.evaluations] == [text][: (text, query) in FOUND], query
            async with db.as_project(project_id) as tx:
                await words.file(tx, project_id)


async def test_characters_without_a_space_count_as_one_word(db: Database) -> None:
    async with db.as_project(uuid4()) as tx:
        wanted = await tokens.read(tx, "ありがとうございますと言いました")
        assert wanted.patterns == ["ありがとうございますと言いました"]
        assert wanted.stems[0] == "言", "of many characters those that are rare"
        assert len((await tokens.read(tx, LONG[:194] + " a b c")).stems) == 20
        with pytest.raises(Invalid):
            await tokens.read(tx, "京 a 都 b 東 c 西 d 南 e 北")
        with pytest.raises(Invalid):
            await tokens.read(tx, "、。・")

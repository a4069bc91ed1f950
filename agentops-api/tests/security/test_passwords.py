"""What may be a password: any 8 to 128 characters that are not common, compared byte by byte."""

from uuid import uuid4

import pytest
from agentops_api.auth.passwords import common_passwords
from httpx2 import AsyncClient

pytestmark = pytest.mark.anyio


async def register(anonymous: AsyncClient, password: str) -> tuple[int, str]:
    """The status of registering a new account with it, and the account."""
    email = f"{uuid4().hex}@example.com"
    answer = await anonymous.post("/auth/register", json={"email": email, "password": password})
    return answer.status_code, email


async def test_the_length_counts_and_the_kinds_of_characters_do_not(anonymous: AsyncClient) -> None:
    for password in (
        "securepassword123",
        "aaaaaaab",
        "        ",
        "x" * 128,
        "\N{SNOWMAN}" * 8,
        "two words",
        "84620173",
    ):
        status, email = await register(anonymous, password)
        assert status == 201, password
        login = await anonymous.post("/auth/login", json={"email": email, "password": password})
        assert login.status_code == 200, password
    for password in ("", "seven77", "x" * 129, "\N{SNOWMAN}" * 7, "x" * 100_000):
        assert (await register(anonymous, password))[0] == 422, password[:10]


async def test_common_ones_are_refused_in_any_case(anonymous: AsyncClient) -> None:
    assert len(common_passwords()) == 3_000
    for password in ("password", "12345678", "PassWord", "qwertyuiop", *sorted(common_passwords())[:20]):
        assert (await register(anonymous, password))[0] == 422, password


async def test_only_the_very_same_bytes_open_the_account(anonymous: AsyncClient) -> None:
    password = " Pa\u0301ssword \N{SNOWMAN} "
    status, email = await register(anonymous, password)
    assert status == 201
    for other in (password.strip(), password.lower(), " P\u00e1ssword \N{SNOWMAN} ", password + " "):
        answer = await anonymous.post("/auth/login", json={"email": email, "password": other})
        assert answer.status_code == 401, other
    assert (await anonymous.post("/auth/login", json={"email": email, "password": password})).status_code == 200

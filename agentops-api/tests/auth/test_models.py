"""The rules of accounts and keys that need nothing but themselves."""

from datetime import UTC, datetime, timedelta

import pytest
from agentops_api.auth.models import (
    KEY_CHARS,
    Login,
    NewKey,
    Register,
    hash_of_key,
    is_key,
    new_key,
    normal_email,
    preview_of_key,
)
from agentops_api.auth.throttle import Failure, wait_s
from pydantic import ValidationError

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_every_key_is_well_formed_and_no_two_are_alike() -> None:
    keys = {new_key() for _ in range(1_000)}
    assert len(keys) == 1_000
    for key in keys:
        assert len(key) == KEY_CHARS == 42
        assert key.startswith("agops_")
        assert key.removeprefix("agops_").isalnum()
        assert is_key(key)
        assert len(hash_of_key(key)) == 32


def test_a_key_with_any_one_character_changed_is_junk() -> None:
    key = new_key()
    for position in range(len(key)):
        for other in "0aZ":
            if other != key[position]:
                assert not is_key(key[:position] + other + key[position + 1 :]), position


@pytest.mark.parametrize(
    "junk",
    ["", "agops_", "agops_" + "a" * 36, "x" * 42, "agops_" + "é" * 36, "agops_" + "\x00" * 36, "a" * 1_000_000],
)
def test_junk_is_no_key(junk: str) -> None:
    assert not is_key(junk)


def test_a_key_of_another_case_or_with_more_around_it_is_junk() -> None:
    key = new_key()
    for changed in (key.upper(), f" {key}", f"{key}\n", key[:-1], key + "0"):
        assert not is_key(changed)


def test_a_checksum_is_the_crc_in_base62() -> None:
    # Computed once by other means: the format must never change, because keys are out there.
    assert is_key("agops_000000000000000000000000000000" + "1DsAzd")


def test_a_preview_shows_four_characters_at_either_end() -> None:
    assert preview_of_key("agops_ab12" + "x" * 28 + "wxyz") == "agops_ab12…wxyz"


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("User@Example.COM", "user@example.com"),
        ("  user+tag@example.com ", "user+tag@example.com"),
        ("É@example.com", "é@example.com"),
        ("E\u0301@example.com", "é@example.com"),
    ],
)
def test_an_email_address_has_one_spelling(given: str, normal: str) -> None:
    assert normal_email(given) == normal


@pytest.mark.parametrize(
    "text",
    ["", "a", "@", "a@", "@b.c", "a b@example.com", "a@b@example.com", "a\x00@example.com", "x" * 255 + "@example.com"],
)
def test_what_is_no_email_address_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^is not an e-mail address$"):
        normal_email(text)


@pytest.mark.parametrize(
    "extra", ["id", "role", "is_admin", "provider", "organization_id", "created_at", "password_hash"]
)
def test_a_registration_with_a_field_of_its_own_making_is_refused(extra: str) -> None:
    body = {"email": "user@example.com", "password": "securepassword123", "full_name": "John Doe"}
    Register.model_validate(body)
    with pytest.raises(ValidationError):
        Register.model_validate(body | {extra: "x"})


@pytest.mark.parametrize(
    ("password", "accepted"),
    [("a" * 7, False), ("a" * 8, True), ("é" * 8, True), ("a" * 128, True), ("a" * 129, False), ("  spaces  ", True)],
)
def test_a_password_has_8_to_128_characters(password: str, *, accepted: bool) -> None:
    body = {"email": "user@example.com", "password": password}
    if accepted:
        assert Register.model_validate(body).password == password
        assert Login.model_validate(body).password == password
    else:
        with pytest.raises(ValidationError):
            Register.model_validate(body)


@pytest.mark.parametrize("name", ["", "   ", "a\x00b", "a\nb", "x" * 201])
def test_a_name_is_one_line_of_1_to_200_characters(name: str) -> None:
    with pytest.raises(ValidationError):
        NewKey.model_validate({"name": name})


@pytest.mark.parametrize("scopes", [[], ["admin"], ["read", "*"], "read"])
def test_only_known_scopes_can_be_given(scopes: object) -> None:
    with pytest.raises(ValidationError):
        NewKey.model_validate({"name": "sdk", "scopes": scopes})


def failures(*each: tuple[str, int]) -> list[Failure]:
    """Failures at addresses, so many seconds before AT."""
    return [Failure(address, AT - timedelta(seconds=ago)) for address, ago in sorted(each, key=lambda one: -one[1])]


def test_the_fifth_failure_from_an_address_closes_it() -> None:
    four = failures(*[("a", n) for n in (100, 90, 80, 70)])
    assert wait_s(four, "a", known=False, at=AT) == 0
    five = failures(*[("a", n) for n in (100, 90, 80, 70, 60)])
    assert wait_s(five, "a", known=False, at=AT) == 900 - 100
    assert wait_s(five, "a", known=True, at=AT) == 900 - 100
    assert wait_s(five, "b", known=False, at=AT) == 0


def test_the_twentieth_failure_from_anywhere_closes_the_account_to_all_but_known_addresses() -> None:
    many = failures(*[(f"address {n}", n) for n in range(1, 21)])
    assert wait_s(many[1:], "other", known=False, at=AT) == 0
    assert wait_s(many, "other", known=False, at=AT) == 900 - 20
    assert wait_s(many, "home", known=True, at=AT) == 0


def test_a_closed_account_opens_to_the_second() -> None:
    five = failures(*[("a", n) for n in (900, 90, 80, 70, 60)])
    assert wait_s(five, "a", known=False, at=AT) == 0
    assert wait_s(five, "a", known=False, at=AT - timedelta(milliseconds=1)) == 1

"""Databases without a schema."""

import itertools
from collections.abc import Generator

import psycopg
import pytest
from psycopg import sql
from tests.cast import Postgres, TestDatabase

_numbers = itertools.count()


@pytest.fixture
def empty(postgres: Postgres) -> Generator[TestDatabase]:
    """A fresh database that nothing was migrated in; the roles of the door exist in its cluster."""
    name = f"empty_{next(_numbers)}"
    with psycopg.connect(postgres.url("postgres", role="superuser"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER agentops_owner").format(sql.Identifier(name)))
    yield TestDatabase(name, postgres.url(name), postgres.url(name, role="owner"), postgres.url(name, role="superuser"))
    with psycopg.connect(postgres.url("postgres", role="superuser"), autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

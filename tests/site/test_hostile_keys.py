"""Whatever installers, systems, versions and projects are called, every picture and page shows them as text."""

import json
from collections.abc import Iterator
from datetime import date
from xml.etree import ElementTree as ET

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyzn_local.postgres import Postgres
from pyzn_site.texts import label
from tests import hostile
from tests.api import conftest as api
from tests.conftest import own_database
from tests.days import Download
from tests.site.conftest import publish
from tests.site.pages import Html

NAMES = ["constructor", "__proto__", "toString", "hasOwnProperty", "then", "valueOf", "9" * 5000, "1." + "9" * 5000]
KEYS = st.sampled_from([*NAMES, *(text for text in hostile.TEXTS if text and "\0" not in text)]) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50
)
PROJECT = "constructor"
BY = ("version", "country", "installer", "python", "system")


@pytest.fixture(scope="module")
def served(postgres: Postgres) -> Iterator[tuple[psycopg.Connection, httpx.Client]]:
    with (
        own_database(postgres) as database,
        psycopg.connect(database.owner_url, autocommit=True) as owner,
        api.serving(api.settings(database.api_url, cache_bytes=0)) as client,
    ):
        publish(owner, date(2026, 7, 19), [Download(PROJECT)])
        yield owner, client


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(KEYS, st.integers(100, 2**40), min_size=1, max_size=6))
def test_hostile_keys_are_text_in_every_picture_and_page(
    served: tuple[psycopg.Connection, httpx.Client], keys: dict[str, int]
) -> None:
    owner, client = served
    changes = ", ".join(f"by_{by} = %(keys)s" for by in BY)
    owner.execute(
        f"UPDATE pyzn.project_days SET {changes}, pip_by_version = %(zeros)s, ci_by_version = %(zeros)s",
        {"keys": json.dumps(keys), "zeros": json.dumps([0] * len(keys))},
    )
    for by in BY:
        for kind in ("bars", "map") if by == "country" else ("bars",):
            for theme in ("light", "dark"):
                answer = client.get(f"/chart/{PROJECT}.svg?by={by}&kind={kind}&theme={theme}")
                assert answer.status_code == 200, (by, kind)
                root = ET.fromstring(answer.text)  # noqa: S314  # our own answer
                if by == "installer":
                    column = list(root.iter("{http://www.w3.org/2000/svg}title"))[-1].text or ""
                    assert f"2026-07-19: {sum(keys.values()):,} downloads" in column
                    large = [key for key, number in keys.items() if number >= sum(keys.values()) / 100]
                    assert all(label(key, by) in column for key in large)
    for path in (f"/projects/{PROJECT}", f"/projects/{PROJECT}?range=all", f"/compare?name={PROJECT}"):
        page = client.get(path)
        assert page.status_code == 200, path
        assert sum(tag == "script" for tag, _ in Html(page.text).elements) == 1

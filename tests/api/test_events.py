"""The known events of the source: asked for, beside every range, with each day, and as a feed."""

import csv
from datetime import UTC, date, datetime
from typing import Any, get_args
from xml.etree import ElementTree as ET

import httpx
import psycopg
import pytest
from sqlalchemy import Engine

from pyzn_api.models import EventKind
from pyzn_pipeline.events import COUNTS, KINDS, built_in
from pyzn_pipeline.store.events import add, withdraw
from tests.api.conftest import read_ledger

ATOM = "{http://www.w3.org/2005/Atom}"
RANGES = [
    "/api/v4/projects/sampleproject",
    "/api/v4/projects?name=sampleproject",
    "/api/v4/projects/sampleproject/versions",
    "/api/v4/projects/sampleproject/pythons?granularity=month",
    "/api/v4/days",
    "/api/v4/top?period=month",
]

SHOWN = [
    "/events.atom",
    "/days",
    "/projects/sampleproject",
    "/chart/sampleproject.svg",
    "/chart/sampleproject.svg?by=system&range=year",
    "/compare?name=sampleproject&name=busy",
]


def ids(client: httpx.Client, query: str = "") -> list[str]:
    return [each["id"] for each in client.get(f"/api/v4/events{query}").json()["events"]]


def test_every_built_in_event_is_answered_as_it_is_in_the_file(client: httpx.Client) -> None:
    found: list[dict[str, Any]] = client.get("/api/v4/events").json()["events"]
    expected = [
        each._asdict() | {"first": str(each.first), "last": each.last and str(each.last), "own": False}
        for each in built_in()
    ]
    assert found == sorted(expected, key=lambda each: (each["first"], each["id"]))


def test_events_are_asked_for_by_range_and_kind(client: httpx.Client) -> None:
    assert get_args(EventKind) == tuple(KINDS)
    assert ids(client, "?start=2026-08-22&end=2026-08-24") == ["sidecars-counted", "three-endings"]
    assert ids(client, "?start=2026-08-24") == ["three-endings"]
    assert ids(client, "?end=2016-05-21&kind=loss") == ["no-rows-2016"]
    assert "'late'" in client.get("/api/v4/events?kind=lateness").json()["message"]


def test_the_feed_has_every_event_once_with_its_sentence(client: httpx.Client) -> None:
    answer = client.get("/events.atom")
    assert answer.headers["content-type"] == "application/atom+xml"
    feed = ET.fromstring(answer.text)  # noqa: S314  # our own answer
    entries = feed.findall(f"{ATOM}entry")
    assert {entry.findtext(f"{ATOM}content") for entry in entries} == {each.effect for each in built_in()}
    assert len({entry.findtext(f"{ATOM}id") for entry in [feed, *entries]}) == len(built_in()) + 1
    for each in [feed, *entries]:
        assert each.findtext(f"{ATOM}title")
        assert datetime.fromisoformat(each.findtext(f"{ATOM}updated") or "").tzinfo == UTC
    assert "2026-08-24: definition" in [entry.findtext(f"{ATOM}title") for entry in entries]


@pytest.fixture
def template(stocked_template: str) -> str:
    return stocked_template


def test_an_operators_own_is_beside_every_range_that_it_touches_until_it_is_withdrawn(
    own_client: httpx.Client, store: Engine
) -> None:
    before = {url: own_client.get(url).json()["events"] for url in RANGES}
    effect = "Half of <it> & more came late."
    with store.begin() as connection:
        days = {"first": date(2026, 7, 18), "last": date(2026, 7, 19)}
        own = add(connection, kind="late", effect=effect, touches=list(COUNTS), sources=[], **days)
    read_ledger(own_client)
    expected = {"id": own, "kind": "late", "first": "2026-07-18", "last": "2026-07-19", "effect": effect}
    for url in RANGES:
        assert own_client.get(url).json()["events"] == [*before[url], expected], url
    for url in SHOWN:
        assert "Half of &lt;it&gt; &amp; more came late." in own_client.get(url).text, url
    ledger = own_client.get("/api/v4/days?start=2026-07-17&end=2026-07-19").json()["days"]
    assert [own in day["events"] for day in ledger] == [False, True, True]
    elsewhere = "/api/v4/projects/sampleproject/versions?start=2026-07-01&end=2026-07-17"
    assert own not in own_client.get(elsewhere).text
    with store.begin() as connection:
        withdraw(connection, own)
    read_ledger(own_client)
    assert {url: own_client.get(url).json()["events"] for url in RANGES} == before
    for url in SHOWN:
        assert "Half" not in own_client.get(url).text, url


@pytest.mark.parametrize("accepted", ["a holiday", None])
def test_a_day_has_the_reason_for_its_status(
    own_client: httpx.Client, owner: psycopg.Connection, accepted: str | None
) -> None:
    owner.execute(
        "UPDATE pyzn.days SET suspect_because = '=1+1', accepted_because = %s, status = %s WHERE day = '2026-07-17'",
        (accepted, "provisional" if accepted else "suspect"),
    )
    suspect, missing, plain = own_client.get("/api/v4/days?start=2026-07-17").json()["days"]
    assert (suspect["suspect_because"], suspect.get("accepted_because")) == ("=1+1", accepted)
    assert missing == {"day": "2026-07-18", "status": "missing", "events": ["sidecars-counted"]}
    assert not {"suspect_because", "accepted_because"} & plain.keys()
    table = csv.DictReader(own_client.get("/api/v4/days?start=2026-07-17&format=csv").text.splitlines())
    assert [row["suspect_because"] for row in table] == ["'=1+1", "", ""]  # which no spreadsheet runs


def test_a_chart_marks_where_a_definition_begins_that_touches_its_numbers(client: httpx.Client) -> None:
    april = "/chart/sampleproject.svg?start=2026-04-10&end=2026-04-20"
    mark = (
        "<title>2026-04-15: OPTIONS requests of browsers (CORS preflights) are no longer counted as downloads.</title>"
    )
    marked = client.get(april).text
    assert marked.count(mark) == 1
    assert ".metadata" not in marked  # which began long before
    assert mark not in client.get(f"{april}&by=system").text  # by pip and others that name a system

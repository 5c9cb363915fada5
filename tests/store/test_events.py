"""The known events of the source: what is built in, and the operator's own over upgrades."""

import json
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

import pyzn_pipeline.store.events
from pyzn_pipeline.commands.days import days
from pyzn_pipeline.commands.event import TOUCHED, event
from pyzn_pipeline.days import ONE
from pyzn_pipeline.events import KINDS, Event, built_in
from pyzn_pipeline.store.events import add, events
from pyzn_pipeline.store.schema import migrate
from tests.conftest import Database
from tests.days import some
from tests.store.publishing import held, publish, rows

Command = Callable[..., str]
OF_DOWNLOADS = {"downloads", "pip", "ci", "without_mirrors"}


@pytest.fixture
def command(database: Database, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`pyzn event` with these arguments: its output and exit status."""
    monkeypatch.setenv("PYZN_DATABASE_URL", database.owner_url)

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(event, arguments)
        return f"{result.output}{result.exception or ''} ({result.exit_code})"

    return run


def test_what_is_built_in_can_be_shown_and_has_a_public_source() -> None:
    found = built_in()
    assert [each.first for each in found] == sorted(each.first for each in found)
    assert len({each.id for each in found}) == len(found)
    for each in found:
        assert not each.id.startswith("own-")
        assert each.kind in KINDS
        assert set(each.touches) <= set(TOUCHED)
        assert each.effect.endswith(".")
        assert each.sources
        assert all(source.startswith("https://") for source in each.sources)


@pytest.mark.parametrize(
    ("first", "last", "redefined"),
    [
        ("2026-08-24", "2026-08-31", OF_DOWNLOADS),  # files are as before
        ("2026-08-25", "2026-09-30", set()),
        ("2026-08-21", "2026-08-23", {*OF_DOWNLOADS, "files"}),
        ("2026-08-22", "2026-08-23", set()),
        ("2026-08-23", "2026-08-24", OF_DOWNLOADS),
        ("2018-07-26", "2018-07-27", {"downloads", "files"}),
    ],
)
def test_days_are_compared_only_by_what_means_the_same_on_both(
    shared_store: Engine, first: str, last: str, redefined: set[str]
) -> None:
    ((found,),) = rows(shared_store, "SELECT pyzn.redefined(:first, :last)", first=first, last=last)
    assert set(found) == redefined


@pytest.mark.parametrize(
    ("first", "last", "touching"),
    [
        (date(2016, 5, 21), date(2018, 4, 30), ["no-rows-2016"]),
        (date(2016, 5, 22), date(2018, 5, 1), ["half-recorded-2018"]),
        (date(2026, 8, 24), date(2026, 8, 24), ["three-endings"]),
        (date(2026, 8, 25), date.max, []),
    ],
)
def test_an_event_touches_its_days_and_one_without_end_its_first(
    shared_store: Engine, first: date, last: date, touching: list[str]
) -> None:
    with shared_store.connect() as connection:
        assert [row["id"] for row in events(connection, first, last)] == touching


def test_an_operators_own_outlive_an_upgrade_that_replaces_the_others(
    store: Engine, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = command("add", "2026-10-03", "--kind", "loss", "--touches", "ci", " Half of\nthe CI downloads  are lost. ")
    assert added == "added own-1\n (0)"
    own = rows(store, "SELECT id, kind, first, last, touches, effect, sources FROM pyzn.events WHERE own")
    assert own == [("own-1", "loss", date(2026, 10, 3), None, ["ci"], "Half of the CI downloads are lost.", [])]

    kept, changed, *_ = built_in()
    new = Event("new-one", "late", date(2026, 11, 1), ["downloads"], "Late.", ["https://example.org"])
    monkeypatch.setattr(pyzn_pipeline.store.events, "built_in", lambda: [kept, changed._replace(last=None), new])
    changed_at = "SELECT changed_at FROM pyzn.events WHERE id = :id"
    before = rows(store, changed_at, id=kept.id)
    migrate(store)
    assert rows(store, "SELECT id, last FROM pyzn.events ORDER BY first") == [
        (kept.id, kept.last), (changed.id, None), ("own-1", None), ("new-one", None),
    ]  # fmt: skip
    assert rows(store, changed_at, id=kept.id) == before

    assert command("add", "2026-10-03", "--kind", "late", "Another.") == "added own-2\n (0)"
    assert command("withdraw", "own-1") == "withdrew own-1\n (0)"
    assert command("add", "2026-10-03", "--kind", "late", "A third.") == "added own-3\n (0)"
    listed = command("list", "2026-10-01", "2026-10-31")
    assert "own-1" not in listed
    assert listed.index("Another.") < listed.index("A third.")


def test_a_soft_audit_that_fires_on_a_day_of_a_known_event_names_it(store: Engine) -> None:
    day = date(2026, 10, 31)
    for weeks in range(1, 5):
        publish(store, day - timedelta(weeks=weeks), some(a=200))
    with store.begin() as connection:
        own = [
            add(connection, kind=kind, first=first, last=day, touches=[], effect=f"It is a {kind}.", sources=[])
            for kind, first in [("loss", day - ONE), ("definition", day - ONE), ("late", day)]
        ]
    publish(store, day, some(a=10))
    because = held(store, day)["suspect_because"]
    assert because.endswith(f" (known: {own[0]}: It is a loss. {own[2]}: It is a late.)")


def test_pyzn_days_shows_the_events_of_its_days(command: Command) -> None:
    def shown(*options: str) -> str:
        return CliRunner().invoke(days, [*options, "2026-08-20", "2026-08-24"]).output

    command("add", "2026-08-22", "--kind", "loss", "Half of [it] is [/lost] :x:.")
    found = [json.loads(line)["events"] for line in shown("--json").splitlines()]
    assert [each[-1] for each in found] == [
        "sidecars-counted", "suffix-ranges-counted", "own-1", "sidecars-counted", "three-endings",
    ]  # fmt: skip
    assert "Half of [it] is [/lost] :x:." in shown()
    assert "2026-08-24" in shown().partition("three-endings")[2]
    command("withdraw", "own-1")
    assert "own-1" not in shown("--json") + shown()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["withdraw", "own-7"], "own-7: no event of yours has this id: pyzn event list shows them"),
        (["withdraw", "three-endings"], "three-endings: no event of yours has this id"),
        (["add", "2026-02-30", "--kind", "loss", "A."], "'2026-02-30' is not a day"),
        (["add", "2026-10-03", "--kind", "lost", "A."], "'lost' is not one of 'definition', 'loss'"),
        (["add", "2026-10-03", "--kind", "loss", "--last", "2026-10-02", "A."], "2026-10-02 is before 2026-10-03"),
        (["add", "2026-10-03", "--kind", "loss", "--touches", "pips", "A."], "'pips' is not one of 'downloads'"),
        (["add", "2026-10-03", "--kind", "loss", "\x1b[2J"], "the sentence is '\\x1b[2J': write 1 to 500 printable"),
        (
            ["add", "2026-10-03", "--kind", "loss", "A.", "--source", "javascript:alert(1)"],
            "--source 'javascript:alert(1)' is not an address: write https://HOST/PATH",
        ),
        (["add", "2026-10-03", "--kind", "loss", "A.", "--source", "https://a/\x01"], "'https://a/\\x01' is not an"),
        (["add", "2026-10-03", "--kind", "loss", " "], "write 1 to 500 printable characters"),
        (["add", "2026-10-03", "--kind", "loss", "x" * 501], "write 1 to 500 printable characters"),
    ],
)
def test_a_wrong_argument_is_named(command: Command, store: Engine, arguments: list[str], message: str) -> None:
    before = rows(store, "SELECT * FROM pyzn.events ORDER BY id")
    assert message in command(*arguments)
    assert rows(store, "SELECT * FROM pyzn.events ORDER BY id") == before

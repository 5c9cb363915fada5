"""Rankings are of published days: all of them, nothing else, and they are stale once a day has changed."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from pyzn_pipeline.rankings import rankings
from pyzn_pipeline.rankings.rankings import NotPublished, rank, stale, totals
from pyzn_pipeline.store import events
from pyzn_pipeline.store.errors import StoreError
from tests.days import some
from tests.store.publishing import change, publish, ranked, rows

LAST = date(2026, 7, 14)


def ago(days: int) -> date:
    return LAST - timedelta(days=days)


def test_only_as_many_places_are_kept_as_the_api_answers(store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rankings, "RANKS", 2)
    publish(store, LAST, some(a=3, b=2, c=1))
    rank(store, LAST)
    assert [project for _, project, *_ in ranked(store, "day")] == ["a", "b"]


def test_the_days_that_are_missing_from_the_month_are_named(store: Engine) -> None:
    for days in (0, 3, 29, 30):
        publish(store, ago(days), some(a=1))
    missing = [ago(days) for days in range(28, 0, -1) if days != 3]
    assert rank(store, LAST).missing == missing
    assert rows(store, "SELECT missing FROM pyzn.rankings") == [(missing,)]


def test_a_day_that_is_not_published_has_no_ranking(store: Engine) -> None:
    with pytest.raises(NotPublished, match=r"^day 2026-07-14 is not published"):
        rank(store, LAST)
    assert rows(store, "SELECT * FROM pyzn.rankings") == []


def test_a_ranking_is_stale_from_the_publication_of_other_content_until_it_is_ranked(store: Engine) -> None:
    publish(store, ago(30), some(a=1))
    publish(store, LAST, some(a=1))
    assert list(stale(store, 31)) == [ago(30), LAST]
    assert list(stale(store, 30)) == [LAST]
    for day in (ago(30), LAST):
        rank(store, day)
    assert not stale(store, 31)
    publish(store, LAST, some(a=1))  # re-read, unchanged
    assert not stale(store, 31)
    publish(store, ago(30), some(a=1, b=1))
    before = stale(store, 31)
    assert list(before) == [ago(30), LAST]
    publish(store, ago(30), some(a=1, c=1))
    assert stale(store, 31)[LAST] != before[LAST]
    publish(store, ago(3), some(a=1))
    rank(store, LAST)
    assert list(stale(store, 31)) == [ago(30), ago(3)]


def test_a_day_sixty_days_ago_is_no_reason_to_rank_again(store: Engine) -> None:
    publish(store, LAST, some(a=1))
    rank(store, LAST)
    publish(store, ago(60), some(a=1))
    assert not stale(store, 31)
    publish(store, ago(59), some(a=1))
    assert list(stale(store, 31)) == [LAST]


def test_a_ranking_is_stale_once_an_event_redefines_what_it_compares(store: Engine) -> None:
    publish(store, LAST, some(a=1))
    rank(store, LAST)
    event = {"last": None, "touches": ["downloads"], "effect": "Half are not counted.", "sources": []}
    with store.begin() as connection:
        events.add(connection, kind="loss", first=ago(5), **event)
        events.add(connection, kind="definition", first=ago(60), **event)
    assert not stale(store, 31)
    with store.begin() as connection:
        events.add(connection, kind="definition", first=ago(59), **event)
    assert list(stale(store, 31)) == [LAST]


def test_a_ranking_that_fails_leaves_the_one_before(store: Engine) -> None:
    publish(store, LAST, some(a=1))
    rank(store, LAST)
    publish(store, LAST, some(b=2))
    change(store, "ALTER TABLE pyzn.top_projects ADD CONSTRAINT fails CHECK (project <> 'b')")
    with pytest.raises(StoreError, match=r"^day 2026-07-14: ranking: Postgres: .*fails"):
        rank(store, LAST)
    assert ranked(store, "day") == [(1, "a", 1, None)]
    assert list(stale(store, 31)) == [LAST]


def test_the_top_movers_are_against_the_same_weekday(store: Engine) -> None:
    publish(store, LAST, some(a=10, b=1, steady=3))
    assert rank(store, LAST).movers.empty
    publish(store, ago(7), some(a=4, gone=9, steady=3))
    movers = rank(store, LAST).movers
    assert movers.to_dict("records") == [
        {"project": "gone", "downloads": 0, "week_before": 9, "change": -9},
        {"project": "a", "downloads": 10, "week_before": 4, "change": 6},
        {"project": "b", "downloads": 1, "week_before": 0, "change": 1},
    ]


def test_the_heads_of_the_three_rankings_stand_side_by_side(store: Engine) -> None:
    publish(store, ago(1), some(a=1, b=5))
    publish(store, LAST, some(a=3, b=1))
    assert rank(store, LAST).top.to_dict("records") == [
        {"rank": 1, "day": "a ▲1", "week": "b", "month": "b"},
        {"rank": 2, "day": "b ▼1", "week": "a", "month": "a"},
    ]


def test_daily_totals_are_the_ledgers_beside_the_week_before(store: Engine) -> None:
    publish(store, ago(7), some(a=4))
    publish(store, LAST, some(a=10, b=1))
    of_day = totals(store, LAST)
    assert (of_day["downloads"], of_day["projects"], of_day["downloads_week_before"]) == (11, 2, 4)
    assert totals(store, ago(7))["downloads_week_before"] is None


COUNTS = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 4), min_size=1)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.dictionaries(st.integers(1, 65), COUNTS, max_size=11), last=COUNTS)
@example(days={6: {"b": 7}, 7: {"c": 8}, 29: {"d": 30}, 30: {"e": 31}}, last={"a": 1})  # the ends of the periods
@example(  # a day and a week before that are complete: places are compared
    days={1: {"up": 1, "down": 5, "same": 9}} | {ago: {"down": 1} for ago in range(2, 14)},
    last={"up": 6, "down": 2, "same": 9, "new": 1},
)
def test_any_days_are_ranked_as_a_dictionary_would(
    store: Engine, days: dict[int, dict[str, int]], last: dict[str, int]
) -> None:
    change(store, "TRUNCATE pyzn.days, pyzn.project_days, pyzn.projects CASCADE")
    days = {**days, 0: last}
    for days_ago, counts in days.items():
        publish(store, ago(days_ago), some(**counts))
    rank(store, LAST)
    for period, length in (("day", 1), ("week", 7), ("month", 30)):
        now, before = (_places(days, range(n * length, (n + 1) * length)) for n in (0, 1))
        complete = all(n in days for n in range(length, 2 * length))
        assert ranked(store, period) == [
            (place, project, count, before[project][0] - place if complete and project in before else None)
            for project, (place, count) in now.items()
        ]


def _places(days: dict[int, dict[str, int]], window: range) -> dict[str, tuple[int, int]]:
    sums: Counter[str] = Counter()
    for days_ago in set(window) & set(days):
        sums.update(days[days_ago])
    ordered = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    return {project: (place, count) for place, (project, count) in enumerate(ordered, start=1)}


def test_what_no_project_can_be_called_is_not_ranked(store: Engine) -> None:
    """Nobody could ask for it: no route answers such a name."""
    named = {"no name": 8, "x" * 255: 3, "a-1": 2, "b": 1}
    publish(store, ago(7), some(b=1))
    publish(store, LAST, some(**named))
    ranking = rank(store, LAST)
    for period in ("day", "week", "month"):
        assert [project for _, project, *_ in ranked(store, period)] == ["x" * 255, "a-1", "b"], period
    assert set(ranking.movers["project"]) == {"x" * 255, "a-1"}


def test_a_ranking_has_the_latest_publication_that_it_counts(store: Engine) -> None:
    publish(store, ago(30), some(a=1))
    publish(store, LAST, some(a=1))
    publish(store, ago(29), some(a=1))
    publish(store, LAST + timedelta(days=1), some(a=1))
    rank(store, LAST)
    ((latest, published),) = rows(
        store,
        f"SELECT rankings.published_at, days.published_at FROM pyzn.rankings, pyzn.days WHERE days.day = '{ago(29)}'",
    )
    assert latest == published

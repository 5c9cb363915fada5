"""The summaries in Dagster: what a run of them shows, and when the sensor asks for one."""

import re
from datetime import date, timedelta

import pytest
from dagster import (
    AssetKey,
    DagsterInstance,
    DagsterRunStatus,
    Definitions,
    ExecuteInProcessResult,
    JobDefinition,
    RunRequest,
)
from sqlalchemy import Engine, text

from pyzn_local.bigquery.server import Server
from pyzn_pipeline.breakdowns import BREAKDOWNS
from tests.api.conftest import serving
from tests.api.conftest import settings as api_settings
from tests.conftest import Database
from tests.days import some
from tests.pipeline.conftest import code_location, materialized
from tests.pipeline.conftest import run as run_range
from tests.pipeline.sensor import evaluated
from tests.store.publishing import publish, ranked

DAY = date(2026, 7, 14)
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


@pytest.fixture
def defs(bigquery: Server, database: Database) -> Definitions:
    """The code location; its source has no rows, and needs none."""
    return code_location(bigquery, database, first_day=date(2026, 7, 1))


def run(
    defs: Definitions, instance: DagsterInstance, first: date, last: date, *selection: str
) -> ExecuteInProcessResult:
    """One run of the selected summaries, or both."""
    return run_range(defs, instance, first, last, selection or ("top_projects", "daily_totals"))


def asked(defs: Definitions, instance: DagsterInstance) -> RunRequest | str:
    """What the sensor asks for now, or why it does not."""
    found = evaluated(defs, instance, "rank_what_has_changed")
    return found.run_requests[0] if found.run_requests else str(found.skip_message)


def test_a_run_shows_what_is_on_top_what_moved_and_the_days_figures(
    defs: Definitions, instance: DagsterInstance, store: Engine
) -> None:
    week_before = DAY - timedelta(days=7)
    publish(store, week_before, some(a=2, b=1))
    publish(store, DAY, some(a=1, b=4))
    with store.begin() as connection:
        connection.execute(text("UPDATE pyzn.days SET status = 'suspect' WHERE day = :day"), {"day": DAY})
    result = run(defs, instance, DAY, DAY)

    assert result.success
    events = materialized(result)
    assert set(events) == {("top_projects", str(DAY)), ("daily_totals", str(DAY))}
    top = events["top_projects", str(DAY)]
    assert [record.data["day"] for record in top["top projects"].records] == ["b", "a"]
    movers = top["top movers"].records
    assert [(record.data["project"], record.data["change"]) for record in movers] == [("b", 3), ("a", -1)]
    assert top["days missing"] == 28
    assert top["which are missing"] == "2026-06-15 to 2026-07-06, 2026-07-08 to 2026-07-13"
    assert isinstance(top["seconds to rank"], float)

    totals = events["daily_totals", str(DAY)]
    expected = {"downloads": 5, "pip downloads": 5, "CI downloads": 0, "projects": 2, "status": "suspect"}
    assert {name: totals[name] for name in expected} == expected
    assert totals["downloads a week before"] == 3


def test_the_pictures_are_the_apis(defs: Definitions, database: Database, store: Engine) -> None:
    publish(store, DAY, some(a=1))
    with serving(api_settings(database.api_url)) as api:
        shown = {
            spec.key.to_user_string(): re.fullmatch(
                r"!\[.*\]\(http://127\.0\.0\.1:5200(/.*)\)", spec.metadata["now"].value
            )
            for spec in defs.resolve_all_asset_specs()
            if "now" in spec.metadata
        }
        assert set(shown) == {"daily_totals", *(breakdown.view for breakdown in BREAKDOWNS if breakdown.common)}
        for found in shown.values():
            assert found is not None
            answer = api.get(found[1])
            assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
            assert ">All of PyPI<" in answer.text
            assert len(found[0]) < 1000, "Dagster shows it behind a link only"


@pytest.mark.parametrize("asset", ["top_projects", "daily_totals"])
def test_one_of_the_summaries_can_be_selected_and_has_its_own_check(
    defs: Definitions, instance: DagsterInstance, store: Engine, asset: str
) -> None:
    publish(store, DAY, some(a=1))
    result = run(defs, instance, DAY, DAY, asset)
    assert result.success
    assert [each.asset_key.to_user_string() for each in result.get_asset_check_evaluations()] == [asset]


def test_a_range_is_ranked_around_the_days_that_are_not_published(
    defs: Definitions, instance: DagsterInstance, store: Engine
) -> None:
    first, last = DAY - timedelta(days=2), DAY
    for day in (first, last):
        publish(store, day, some(a=1))
    result = run(defs, instance, first, last)
    assert result.success
    assert {day for _, day in materialized(result)} == {str(first), str(last)}
    assert ranked(store, "week", last) == [(1, "a", 2, None)]


def test_a_run_of_days_that_are_all_missing_fails_and_says_what_to_do(
    defs: Definitions, instance: DagsterInstance
) -> None:
    result = run(defs, instance, DAY, DAY)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "materialize project_days of them first" in str(failure.step_failure_data.error)


def test_the_sensor_asks_for_what_has_changed_and_for_nothing_else(
    defs: Definitions, instance: DagsterInstance, store: Engine
) -> None:
    assert asked(defs, instance) == "every ranking is up to date"
    publish(store, DAY - timedelta(days=40), some(a=1))
    publish(store, DAY - timedelta(days=3), some(a=1))
    publish(store, DAY, some(a=1))
    request = asked(defs, instance)
    assert isinstance(request, RunRequest)
    assert [request.tags[name] for name in RANGE] == [str(DAY - timedelta(days=3)), str(DAY)]
    job = defs.resolve_job_def("rank_projects")
    assert isinstance(job, JobDefinition)
    result = job.execute_in_process(instance=instance, tags=dict(request.tags))
    assert result.success
    assert not [event for event in result.all_events if event.is_step_skipped]  # as a check's step would be
    assert ranked(store, "day") == [(1, "a", 1, None)]
    assert asked(defs, instance) == "every ranking is up to date"
    publish(store, DAY, some(a=1, b=1))
    again = asked(defs, instance)
    assert isinstance(again, RunRequest)
    assert [again.tags[name] for name in RANGE] == [str(DAY), str(DAY)]
    assert again.run_key != request.run_key


def test_the_sensor_waits_for_the_ranking_that_is_on_its_way(
    defs: Definitions, instance: DagsterInstance, store: Engine
) -> None:
    publish(store, DAY, some(a=1))
    instance.create_run_for_job(defs.resolve_job_def("rank_projects"), status=DagsterRunStatus.NOT_STARTED)
    assert asked(defs, instance) == "a ranking run is not finished"


def test_a_ranking_depends_on_the_sixty_days_it_is_computed_from(defs: Definitions) -> None:
    graph = defs.resolve_asset_graph()
    downstream, upstream = graph.get(AssetKey("top_projects")), AssetKey("project_days")
    mapping = graph.get_partition_mapping(downstream.key, upstream)
    assert (mapping.start_offset, mapping.end_offset) == (-59, 0)  # type: ignore[attr-defined]  # of its subclass

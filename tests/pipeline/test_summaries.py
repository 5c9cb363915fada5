"""The summaries in Dagster: what a run of them shows, and when the sensor asks for one."""

import re
from datetime import date, timedelta

import pytest
from dagster import AssetKey, DagsterRunStatus, ExecuteInProcessResult, RunRequest

from pyzn_pipeline.breakdowns import BREAKDOWNS
from tests.api.conftest import serving, settings
from tests.days import some
from tests.pipeline.conftest import Pipeline, evaluated, failure_of, materialized, span
from tests.store.publishing import change, publish, ranked

DAY = date(2026, 7, 14)


def run(pipeline: Pipeline, first: date = DAY, *selection: str) -> ExecuteInProcessResult:
    """One run of the selected summaries, or both, up to DAY."""
    return pipeline.run(first, DAY, selection or ("top_projects", "daily_totals"))


def asked(pipeline: Pipeline) -> RunRequest | str:
    """The request of the sensor now, or its reason for none."""
    found = evaluated(pipeline.defs, pipeline.instance, "rank_what_has_changed")
    return found.run_requests[0] if found.run_requests else str(found.skip_message)


def test_a_run_shows_what_is_on_top_what_moved_and_the_days_figures(pipeline: Pipeline) -> None:
    publish(pipeline.store, DAY - timedelta(days=7), some(a=2, b=1))
    publish(pipeline.store, DAY, some(a=1, b=4))
    change(pipeline.store, "UPDATE pyzn.days SET status = 'suspect' WHERE day = :day", day=DAY)
    result = run(pipeline)

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


def test_the_pictures_are_the_apis(pipeline: Pipeline) -> None:
    publish(pipeline.store, DAY, some(a=1))
    picture = re.compile(r"!\[.*\]\(http://127\.0\.0\.1:5200(/.*)\)")
    shown = {
        spec.key.to_user_string(): picture.fullmatch(spec.metadata["now"].value)
        for spec in pipeline.defs.resolve_all_asset_specs()
        if "now" in spec.metadata
    }
    assert set(shown) == {"daily_totals", *(breakdown.view for breakdown in BREAKDOWNS if breakdown.common)}
    with serving(settings(pipeline.database.api_url)) as api:
        for found in shown.values():
            assert found is not None
            answer = api.get(found[1])
            assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
            assert ">All of PyPI<" in answer.text
            assert len(found[0]) < 1000, "Dagster shows it behind a link only"


@pytest.mark.parametrize("asset", ["top_projects", "daily_totals"])
def test_one_of_the_summaries_can_be_selected_and_has_its_own_check(pipeline: Pipeline, asset: str) -> None:
    publish(pipeline.store, DAY, some(a=1))
    result = run(pipeline, DAY, asset)
    assert result.success
    assert [each.asset_key.to_user_string() for each in result.get_asset_check_evaluations()] == [asset]


def test_a_range_is_ranked_around_the_days_that_are_not_published(pipeline: Pipeline) -> None:
    first = DAY - timedelta(days=2)
    for day in (first, DAY):
        publish(pipeline.store, day, some(a=1))
    result = run(pipeline, first)
    assert result.success
    assert {day for _, day in materialized(result)} == {str(first), str(DAY)}
    assert ranked(pipeline.store, "week") == [(1, "a", 2, None)]


def test_a_run_of_days_that_are_all_missing_fails_with_the_way_out(pipeline: Pipeline) -> None:
    assert "materialize project_days of them first" in failure_of(run(pipeline))


def test_the_sensor_asks_for_what_has_changed_and_for_nothing_else(pipeline: Pipeline) -> None:
    assert asked(pipeline) == "every ranking is up to date"
    for ago in (40, 3, 0):
        publish(pipeline.store, DAY - timedelta(days=ago), some(a=1))
    request = asked(pipeline)
    assert isinstance(request, RunRequest)
    assert request.tags.items() >= span(DAY - timedelta(days=3), DAY).items()
    result = pipeline.execute("rank_projects", tags=dict(request.tags))
    assert result.success
    assert not [event for event in result.all_events if event.is_step_skipped]  # as a check's step would be
    assert ranked(pipeline.store, "day") == [(1, "a", 1, None)]
    assert asked(pipeline) == "every ranking is up to date"
    publish(pipeline.store, DAY, some(a=1, b=1))
    again = asked(pipeline)
    assert isinstance(again, RunRequest)
    assert again.tags.items() >= span(DAY, DAY).items()
    assert again.run_key != request.run_key


def test_the_sensor_waits_for_the_ranking_that_is_on_its_way(pipeline: Pipeline) -> None:
    publish(pipeline.store, DAY, some(a=1))
    pipeline.add_run(DagsterRunStatus.NOT_STARTED, {}, "rank_projects")
    assert asked(pipeline) == "a ranking run is not finished"


def test_a_ranking_depends_on_the_sixty_days_it_is_computed_from(pipeline: Pipeline) -> None:
    graph = pipeline.defs.resolve_asset_graph()
    downstream, upstream = graph.get(AssetKey("top_projects")), AssetKey("project_days")
    mapping = graph.get_partition_mapping(downstream.key, upstream)
    assert (mapping.start_offset, mapping.end_offset) == (-59, 0)  # type: ignore[attr-defined]  # of its subclass

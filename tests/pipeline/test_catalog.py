"""The catalog: each asset has its columns, its code and a check; and what the checks of the summaries find."""

from datetime import date
from pathlib import Path

import pytest
from dagster import TableSchema
from sqlalchemy import Engine

from pyzn_pipeline.breakdowns import BREAKDOWNS
from pyzn_pipeline.rankings.defs import CHECKS, DAILY_TOTALS, TOP_PROJECTS
from pyzn_pipeline.rankings.rankings import faulty, rank
from tests.days import some
from tests.pipeline.conftest import Pipeline
from tests.store.publishing import change, publish

DAY = date(2026, 7, 14)


def test_every_asset_has_columns_code_and_checks(pipeline: Pipeline, tmp_path: Path) -> None:
    graph = pipeline.with_settings(export_url=str(tmp_path)).defs.resolve_asset_graph()
    views = {breakdown.view for breakdown in BREAKDOWNS}
    made = {"project_days", TOP_PROJECTS, DAILY_TOTALS, "exported_days"}
    nodes = {key.to_user_string(): graph.get(key) for key in graph.get_all_asset_keys()}
    assert nodes.keys() == made | views | {"file_downloads"}
    for name, node in nodes.items():
        schema = node.metadata["dagster/column_schema"]
        assert isinstance(schema, TableSchema)
        assert schema.columns, name
        assert node.code_version or name == "file_downloads"
    for name in made:
        (code,) = nodes[name].metadata["dagster/code_references"].code_references
        assert Path(code.file_path).name == "defs.py"
    checked = {key.asset_key.to_user_string() for key in graph.asset_check_keys}
    assert checked == made - {"exported_days"} | {"file_downloads"}


@pytest.mark.parametrize(
    ("check", "statement"),
    [
        ("places_have_no_gaps", "UPDATE pyzn.top_projects SET rank = 9 WHERE rank = 2"),
        ("places_have_no_gaps", "UPDATE pyzn.top_projects SET downloads = 9 WHERE rank = 2"),
        ("totals_equal_the_versions", "UPDATE pyzn.day_breakdowns SET source_downloads = 9, downloads = 9"),
    ],
)
def test_a_check_of_the_summaries_finds_the_days_that_fail_it(store: Engine, check: str, statement: str) -> None:
    publish(store, DAY, some(requests=2, numpy=1))
    rank(store, DAY)
    assert [faulty(store, name, [DAY]) for name in CHECKS] == [[], []]
    change(store, statement)
    assert [name for name in CHECKS if faulty(store, name, [DAY]) == [DAY]] == [check]

"""A disk that becomes full while a day is published. A trigger raises what Postgres raises then: DISK_FULL."""

from datetime import date

import pytest
from sqlalchemy import Engine

from pyzn_pipeline.store.errors import StoreError
from tests.days import Download
from tests.store.publishing import everything, publish, totals

DAY = date(2026, 7, 14)
FULL = """
    CREATE FUNCTION public.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
    CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION public.full_disk();
"""
ROOM = "DROP FUNCTION public.full_disk CASCADE"


@pytest.mark.parametrize("table", ["pyzn.project_days", "pyzn.projects", "pyzn.days", "pyzn.day_breakdowns"])
def test_a_full_disk_is_named_and_changes_nothing_and_with_room_the_day_is_published(store: Engine, table: str) -> None:
    publish(store, DAY, [Download("requests")])
    before = everything(store)
    with store.begin() as connection:
        connection.exec_driver_sql(FULL.format(table=table))

    with pytest.raises(StoreError, match=f"day {DAY}.*No space left on device"):
        publish(store, DAY, [Download("requests"), Download("numpy")])

    assert everything(store) == before
    with store.begin() as connection:
        connection.exec_driver_sql(ROOM)
    publish(store, DAY, [Download("requests"), Download("numpy")])
    assert totals(store) == {"requests": 1, "numpy": 1}

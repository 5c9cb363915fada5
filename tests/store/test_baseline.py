"""All-time totals: the imported baseline and every published day after it, in whatever order they come."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine

from pyzn_pipeline.store.baseline import ImportRefused, import_totals
from pyzn_pipeline.store.retention import retire
from tests.days import Download, scan_of
from tests.store.publishing import publish, rows, totals

AS_OF = date(2026, 6, 30)
BEFORE, AFTER = AS_OF - timedelta(days=1), AS_OF + timedelta(days=1)
FILE = ["project,total_downloads\n", "Old.Project,100\r\n", '"requests",2000\n']


def test_a_total_is_the_baseline_and_the_days_after_it_whichever_came_first(store: Engine) -> None:
    publish(store, scan_of(BEFORE, [Download("requests")] * 3))
    publish(store, scan_of(AFTER, [Download("requests")] * 2))
    assert import_totals(store, FILE, AS_OF) == (2, 2)
    assert totals(store) == {"old-project": 100, "requests": 2002}

    publish(store, scan_of(AS_OF, [Download("requests"), Download("new")]))
    publish(store, scan_of(BEFORE, [Download("requests")] * 30))
    publish(store, scan_of(AFTER, [Download("requests")] * 5))
    assert totals(store) == {"old-project": 100, "requests": 2005, "new": 0}


def test_the_same_file_again_changes_nothing_and_another_replaces_it(store: Engine) -> None:
    publish(store, scan_of(AFTER, [Download("requests")] * 2))
    import_totals(store, FILE, AS_OF)
    imported = rows(store, "SELECT * FROM pyzn.baseline")
    assert import_totals(store, FILE, AS_OF) == (2, 0)
    assert rows(store, "SELECT * FROM pyzn.baseline") == imported

    assert import_totals(store, ["project,total_downloads\n", "requests,7\n"], AFTER) == (1, 2)
    assert totals(store) == {"old-project": 0, "requests": 7}
    assert rows(store, "SELECT as_of FROM pyzn.baseline") == [(AFTER,)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "line 1: the header is None, expected project,total_downloads"),
        (["name,total\n"], r"line 1: the header is \['name', 'total'\]"),
        ([*FILE, "numpy\n"], r"line 4: \['numpy'\] has 1 columns"),
        ([*FILE, "numpy,1,2\n"], "line 4: .* has 3 columns"),
        ([*FILE, "\n"], "line 4: .* has 0 columns"),
        ([*FILE, "numpy,-1\n"], "line 4: total_downloads of numpy is '-1', expected 0 to"),
        ([*FILE, "numpy,1.5\n"], "line 4: total_downloads of numpy is '1.5'"),
        ([*FILE, "numpy,1_000\n"], "line 4: total_downloads of numpy is '1_000'"),
        ([*FILE, f"numpy,{2**63}\n"], "line 4: total_downloads of numpy is '9223372036854775808'"),
        ([*FILE, f"numpy,{'9' * 5000}\n"], "line 4: total_downloads of numpy is '999"),
        ([*FILE, "num py,1\n"], "line 4: 'num py' is not a project's name"),
        ([*FILE, "n\udce9,1\n"], r"line 4: 'n\\udce9' is not a project's name"),
        ([*FILE, "n\x00,1\n"], "line 4: "),
        ([*FILE, '"numpy,1\n'], "line 4: unexpected end of data"),
        ([*FILE, "old_project,1\n"], "line 4: project 'old-project' is on line 2 already"),
    ],
)
def test_a_bad_row_is_named_by_its_line_and_nothing_is_imported(store: Engine, lines: list[str], message: str) -> None:
    publish(store, scan_of(AFTER, [Download("requests")]))
    with pytest.raises(ImportRefused, match=message):
        import_totals(store, lines, AS_OF)
    assert totals(store) == {"requests": 1}
    assert not rows(store, "SELECT * FROM pyzn.baseline")


def test_a_file_that_breaks_off_imports_nothing(store: Engine) -> None:
    def breaking() -> Iterator[str]:
        yield from FILE
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="went away"):
        import_totals(store, breaking(), AS_OF)
    assert not totals(store)


def test_a_baseline_before_retired_days_is_refused_and_one_up_to_them_is_not(store: Engine) -> None:
    publish(store, scan_of(AS_OF, [Download("requests")] * 9))
    retire(store, AS_OF + timedelta(days=800), 366)
    with pytest.raises(ImportRefused, match=r"--as-of 2026-06-29: days up to 2026-06-30 are retired"):
        import_totals(store, FILE, BEFORE)
    assert totals(store) == {"requests": 9}
    import_totals(store, FILE, AS_OF)
    assert totals(store) == {"old-project": 100, "requests": 2000}

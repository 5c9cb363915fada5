"""All-time totals: the imported baseline and every published day after it, in whatever order they come."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine

from pyzn_pipeline.maintenance.retention import retire
from pyzn_pipeline.store.imported_totals import ImportRefused, Outcome, import_totals
from tests.days import some
from tests.store.publishing import publish, rows, totals

AS_OF = date(2026, 6, 30)
BEFORE, AFTER = AS_OF - timedelta(days=1), AS_OF + timedelta(days=1)
HEADER = "project,total_downloads\n"
FILE = [HEADER, "Old.Project,100\r\n", '"requests",2000\n']


def test_a_total_is_the_baseline_and_the_days_after_it_whichever_came_first(store: Engine) -> None:
    publish(store, BEFORE, some(requests=3))
    publish(store, AFTER, some(requests=2))
    import_totals(store, FILE, AS_OF)
    assert totals(store) == {"old-project": 100, "requests": 2002}

    publish(store, AS_OF, some(requests=1, new=1))
    publish(store, BEFORE, some(requests=30))
    publish(store, AFTER, some(requests=5))
    assert totals(store) == {"old-project": 100, "requests": 2005, "new": 1}


def test_projects_that_a_file_does_not_name_keep_their_totals_whatever_is_published_after_it(store: Engine) -> None:
    for day in (BEFORE, AFTER):
        publish(store, day, some(requests=1, flask=1))
    import_totals(store, FILE, AS_OF)
    assert totals(store) == {"old-project": 100, "requests": 2001, "flask": 2}

    import_totals(store, [HEADER, "flask,500\n"], BEFORE)
    assert totals(store) == {"old-project": 100, "requests": 2001, "flask": 501}
    # Each project counts the days after its own import.
    publish(store, AS_OF, some(requests=1, flask=1) + some(**{"old-project": 1}))
    publish(store, BEFORE, some(requests=9, flask=9))
    publish(store, AFTER, some(requests=2, flask=2))
    assert totals(store) == {"old-project": 100, "requests": 2002, "flask": 503}


def test_an_import_that_replaces_all_begins_with_nothing_for_those_that_it_does_not_name(store: Engine) -> None:
    import_totals(store, [HEADER, "flask,500\n", "gone,7\n"], BEFORE)
    for day in (AS_OF, AFTER):
        publish(store, day, some(flask=1, requests=1))
    import_totals(store, FILE, AS_OF, replace_all=True)
    assert totals(store) == {"old-project": 100, "requests": 2001, "flask": 1, "gone": 0}
    publish(store, BEFORE, some(flask=1, new=1, gone=1))
    assert totals(store) == {"old-project": 100, "requests": 2001, "flask": 1, "gone": 0, "new": 0}
    publish(store, AFTER, some(flask=1, requests=1, new=1))
    assert totals(store) == {"old-project": 100, "requests": 2001, "flask": 1, "gone": 0, "new": 1}


def test_the_same_file_again_changes_nothing_and_another_replaces_what_it_names(store: Engine) -> None:
    publish(store, AFTER, some(requests=2))
    first = import_totals(store, FILE, AS_OF)
    assert (first.gaining, first.gained, first.losing) == (2, 2100, 0)
    imported = rows(store, "SELECT * FROM pyzn.baseline")
    again = import_totals(store, FILE, AS_OF)
    assert (again.gaining, again.losing, again.keeping, again.kept) == (0, 0, 2, 2102)
    assert rows(store, "SELECT * FROM pyzn.baseline") == imported

    import_totals(store, [HEADER, "requests,7\n"], AFTER)
    assert totals(store) == {"old-project": 100, "requests": 7}


def test_the_outcome_of_an_import_is_known_before_it_is_done_and_can_be_refused(store: Engine) -> None:
    publish(store, AFTER, some(requests=1, flask=2, numpy=1))
    outcomes: list[Outcome] = []

    def refuse(outcome: Outcome) -> None:
        outcomes.append(outcome)
        raise InterruptedError

    lines = [HEADER, "requests,50\n", "flask,0\n"]
    with pytest.raises(InterruptedError):
        import_totals(store, lines, AFTER, agree=refuse)
    assert outcomes == [Outcome(1, 49, 1, 2, 1, 1, "flask", 2, 0)]
    assert totals(store) == {"requests": 1, "flask": 2, "numpy": 1}
    assert not rows(store, "SELECT FROM pyzn.baseline")
    assert import_totals(store, lines, AFTER) == outcomes[0]


def test_a_publication_while_an_import_waits_for_consent_is_not_held_up_and_asked_about(store: Engine) -> None:
    publish(store, AS_OF, some(requests=1))
    outcomes: list[Outcome] = []

    def agree(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if len(outcomes) == 1:
            publish(store, BEFORE, some(requests=3))

    done = import_totals(store, [HEADER, "requests,2\n"], AS_OF, agree=agree)
    assert [(outcome.gained, outcome.lost) for outcome in outcomes] == [(1, 0), (0, 2)]
    assert done == outcomes[1]
    assert totals(store) == {"requests": 2}


NO_NAMES = ["num py", "\u0131python", "reque\u017fts", "\u212aeras", "a" * 256, "n\udce9"]
NO_TOTALS = ["-1", "1.5", "1_000", str(10**15 + 1), str(2**63 - 1), "9" * 5000]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "line 1: the header is None, expected project,total_downloads"),
        (["name,total\n"], r"line 1: the header is \['name', 'total'\]"),
        ([HEADER], "line 1: the file ends before any project"),
        ([HEADER, "\n"], "line 2: the file ends before any project"),
        ([*FILE, "numpy\n"], r"line 4: \['numpy'\] has 1 columns"),
        ([*FILE, "numpy,1,2\n"], "line 4: .* has 3 columns"),
        *(
            ([*FILE, f"numpy,{total}\n"], f"line 4: total_downloads of numpy is '{total[:50]}.*, expected 0 to")
            for total in NO_TOTALS
        ),
        *(
            ([*FILE, f"{name},1\n"], f"line 4: {re.escape(ascii(name)[:40])}.* is not a project's name")
            for name in NO_NAMES
        ),
        ([*FILE, "n\x00,1\n"], "line 4: "),
        ([*FILE, '"numpy,1\n'], "line 4: unexpected end of data"),
        ([*FILE, "old_project,1\n"], "line 4: project 'old-project' is on line 2 already"),
    ],
)
def test_a_bad_row_is_named_by_its_line_and_nothing_is_imported(
    shared_store: Engine, lines: list[str], message: str
) -> None:
    with pytest.raises(ImportRefused, match=message):
        import_totals(shared_store, lines, AS_OF)
    assert not totals(shared_store)
    assert not rows(shared_store, "SELECT FROM pyzn.baseline")


def test_a_byte_order_mark_and_blank_lines_are_ignored(store: Engine) -> None:
    import_totals(store, ["\ufeff" + HEADER, "requests,7\r\n", "\r\n", "flask,1\n", "\n"], AS_OF)
    assert totals(store) == {"requests": 7, "flask": 1}


def test_beside_the_largest_totals_days_are_published_and_imports_weighed(store: Engine) -> None:
    """10,000 of them together are more than a bigint holds."""
    lines = [HEADER, *(f"p{number},{10**15}\n" for number in range(10_000)), f"requests,{10**15}\n"]
    assert import_totals(store, lines, AS_OF).gained == 10_001 * 10**15
    publish(store, AFTER, some(requests=3))
    assert totals(store)["requests"] == 10**15 + 3
    assert import_totals(store, [HEADER, "requests,0\n"], AS_OF).lost == 10**15


def test_a_file_that_breaks_off_imports_nothing(store: Engine) -> None:
    def breaking() -> Iterator[str]:
        yield from FILE
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="went away"):
        import_totals(store, breaking(), AS_OF)
    assert not totals(store)


def test_a_baseline_before_retired_days_is_refused_and_one_up_to_them_is_not(store: Engine) -> None:
    publish(store, AS_OF, some(requests=9))
    retire(store, AS_OF + timedelta(days=800), 366)
    with pytest.raises(ImportRefused, match=r"--as-of 2026-06-29: days up to 2026-06-30 are retired"):
        import_totals(store, FILE, BEFORE)
    assert totals(store) == {"requests": 9}
    import_totals(store, FILE, AS_OF)
    assert totals(store) == {"old-project": 100, "requests": 2000}

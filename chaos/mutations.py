"""Mutations of the product: each removes something, and the check that guards it must then fail."""

from dataclasses import dataclass

PUBLICATION = "pyzn_pipeline/store/publication.py"
PARTITIONS = "pyzn_pipeline/store/partitions.py"
JUDGEMENT = "pyzn_pipeline/reading/judgement.py"
SQL = "pyzn_pipeline/store/sql"
STAGING = f"{SQL}/create_staging.sql"
SCHEMA = "pyzn_pipeline/store/migrations/versions/0001_the_schema.sql"
BREAKDOWNS = "pyzn_pipeline/breakdowns.py"


@dataclass(frozen=True)
class Mutation:
    """`edits` are (file, old text, new text). With them, the figure `figure` of the check must fail."""

    name: str
    edits: tuple[tuple[str, str, str], ...]
    check: str
    figure: str
    size: int


_TWO_TRANSACTIONS = (
    (STAGING, "ON COMMIT DROP", "ON COMMIT PRESERVE ROWS"),
    (
        PUBLICATION,
        '        connection.execute(statement("insert_staged"))',
        '        connection.connection.commit()\n        connection.execute(statement("insert_staged"))',
    ),
)


def _without(audit: str) -> tuple[tuple[str, str, str], ...]:
    """The edits that make a soft audit always pass."""
    return (
        (
            "pyzn_pipeline/reading/soft_audits.py",
            "Finding(measures.day, breakdown.name, audit.name, *found[audit])",
            "Finding(measures.day, breakdown.name, audit.name, "
            f"found[audit][0] or audit.name == '{audit}', found[audit][1])",
        ),
    )


MUTATIONS = (
    Mutation("deleting and inserting in two transactions", _TWO_TRANSACTIONS, "kills", "kills at named points", 32),
    Mutation("the same, among readers", _TWO_TRANSACTIONS, "readers", "readers during publication", 5),
    Mutation("the same, on a full disk", _TWO_TRANSACTIONS, "disk-full", "disk full during load", 12),
    Mutation(
        "tables that do not survive a crash",
        ((PARTITIONS, "CREATE TABLE {child}", "CREATE UNLOGGED TABLE {child}"),),
        "postgres-stops",
        "Postgres stopped in mid-load",
        3,
    ),
    Mutation(
        "no lock on the day",
        (
            (
                f"{SQL}/lock_days.sql",
                "SELECT pg_advisory_lock(hashtext('pyzn.day'), day)",
                "SELECT day",
            ),
        ),
        "workers",
        "an older reading that is late",
        2,
    ),
    Mutation(
        "no lock on the totals",
        ((PUBLICATION, "SELECT pg_advisory_xact_lock(hashtext('pyzn.totals'))", "SELECT 1"),),
        "workers",
        "different days at once",
        2,
    ),
    Mutation(
        "readers locked out",
        (
            (
                PUBLICATION,
                '        connection.execute(statement("add_difference_to_totals"), {"day": day})',
                '        connection.execute(text("LOCK TABLE pyzn.project_days"))\n'
                '        connection.execute(statement("add_difference_to_totals"), {"day": day})',
            ),
        ),
        "readers",
        "the longest read",
        5,
    ),
    Mutation(
        "no limit to a connection to Postgres",
        (("pyzn_pipeline/store/database.py", "if lifetime is not None:", "if False:"),),
        "network",
        "runs on a broken network",
        18,
    ),
    Mutation(
        "no limit to a request to BigQuery",
        (("pyzn_pipeline/source/connection.py", '**options | {"timeout": self._silence}', "**options"),),
        "network",
        "runs on a broken network",
        18,
    ),
    Mutation(
        "no limit to a silent stream of rows",
        (("pyzn_pipeline/source/connection.py", "int(silence * 1000)", "2**31 - 1"),),
        "network",
        "runs on a broken network",
        18,
    ),
    Mutation(
        "no hard audits, and no constraint on the ledger",
        (
            ("pyzn_pipeline/reading/day.py", "if not all(finding.passed for finding in hard):", "if False:"),
            (SCHEMA, "CHECK (downloads = source_downloads AND downloads > 0)", "CHECK (true)"),
            (SCHEMA, "CHECK (downloads = source_downloads)", "CHECK (true)"),
        ),
        "bad-days",
        "grossly bad days",
        9,
    ),
    Mutation(
        "a breakdown whose documents are not audited",
        (
            (
                "pyzn_pipeline/reading/day.py",
                "for b in scanned.breakdowns for f in audit(",
                "for b in scanned.breakdowns if b.name != 'python' for f in audit(",
            ),
        ),
        "stateful",
        "random steps against a model",
        300,
    ),
    Mutation(
        "a mirror that counts",
        ((BREAKDOWNS, 'MIRRORS = ("bandersnatch", ', "MIRRORS = ("),),
        "kills",
        "after the kills",
        4,
    ),
    Mutation(
        "unknown installers that count as no mirrors",
        ((BREAKDOWNS, "map(repr, MIRRORS))}), FALSE)", "map(repr, MIRRORS))}), TRUE)"),),
        "kills",
        "after the kills",
        4,
    ),
    Mutation(
        "a ledger that forgets a breakdown",
        (
            (
                PUBLICATION,
                "for breakdown in breakdowns])",
                "for breakdown in breakdowns[1:]])",
            ),
        ),
        "kills",
        "after the kills",
        4,
    ),
    Mutation("no audit of the downloads", _without("downloads_like_weekday"), "bad-days", "grossly bad days", 9),
    Mutation("no audit of the projects", _without("projects_like_weekday"), "bad-days", "grossly bad days", 9),
    Mutation("no audit of unknown countries", _without("unknown_country_share"), "bad-days", "grossly bad days", 9),
    Mutation("no audit of the hours", _without("every_hour_there"), "bad-days", "grossly bad days", 9),
    Mutation("no audit of the country mix", _without("country_mix"), "bad-days", "grossly bad days", 9),
    Mutation(
        "worse readings accepted",
        ((JUDGEMENT, "if (lacking or new_doubts or fewer) and not accept_worse:", "if False:"),),
        "bad-days",
        "grossly bad days",
        9,
    ),
    Mutation(
        "a recount that always agrees",
        ((f"{SQL}/record_recount.sql", "AND source_downloads = :found", ""),),
        "bad-days",
        "bad source days",
        7,
    ),
    Mutation(
        "no re-reading of what the source has more of",
        ((f"{SQL}/ask_for_late_rows.sql", "source_recount > source_downloads", "FALSE"),),
        "bad-days",
        "short reads",
        7,
    ),
    Mutation(
        "no repair of missing days",
        (
            (
                f"{SQL}/ask_for_missing_days.sql",
                "WHERE NOT EXISTS (SELECT FROM pyzn.days",
                "WHERE FALSE AND NOT EXISTS (SELECT FROM pyzn.days",
            ),
        ),
        "downtime",
        "days missed",
        6,
    ),
    Mutation(
        "a storm of repair runs",
        (("pyzn_pipeline/defs/day/repairs.py", "runs[: max(most, 0)]", "runs"),),
        "downtime",
        "days missed",
        6,
    ),
    Mutation(
        "totals that forget what was replaced",
        ((f"{SQL}/add_difference_to_totals.sql", "SELECT project, -downloads", "SELECT project, 0"),),
        "stateful",
        "random steps against a model",
        300,
    ),
    Mutation(
        "totals that count the baseline's days twice",
        (
            (
                f"{SQL}/add_difference_to_totals.sql",
                "WHEN MATCHED AND coalesce(known.imported_up_to, difference.counted_up_to) < :day THEN",
                "WHEN MATCHED THEN",
            ),
            (
                f"{SQL}/add_to_totals.sql",
                "WHEN MATCHED AND coalesce(known.imported_up_to, added.counted_up_to) < :day THEN",
                "WHEN MATCHED THEN",
            ),
        ),
        "stateful",
        "random steps against a model",
        300,
    ),
    Mutation(
        "retired days read again",
        ((PARTITIONS, "    if retired_at is not None:", "    if False:"),),
        "stateful",
        "random steps against a model",
        300,
    ),
    Mutation(
        "an export that loses what it wrote",
        (
            (
                "pyzn_pipeline/exports/storage.py",
                "            unfinished.replace(file)",
                "            unfinished.replace(file).touch() if path.endswith('json') else unfinished.touch()",
            ),
        ),
        "mirror",
        "exporters and mirrors killed",
        2,
    ),
)

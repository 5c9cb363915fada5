-- The ledger: what is published, and how it is known to be right.

CREATE TABLE pyzn.days (
    day                       date PRIMARY KEY,
    status                    text        NOT NULL CHECK (status IN ('final', 'provisional', 'suspect')),
    revision                  integer     NOT NULL CHECK (revision >= 1),
    source_downloads          bigint      NOT NULL,
    downloads                 bigint      NOT NULL,
    pip_downloads             bigint      NOT NULL,
    ci_downloads              bigint      NOT NULL,
    downloads_without_mirrors bigint      NOT NULL,
    files                     bigint,
    files_without_mirrors     bigint,
    projects                  integer     NOT NULL,
    by_hour                   json        NOT NULL,
    checksum                  text        NOT NULL,
    replaced_rows             bigint      NOT NULL,
    source                    text        NOT NULL,
    bigquery_job              text,
    mirrored_revision         integer,
    mirrored_status           text,
    bytes_processed           bigint      NOT NULL,
    bytes_billed              bigint      NOT NULL,
    run_id                    text        NOT NULL,
    published_at              timestamptz NOT NULL,
    read_at                   timestamptz NOT NULL,
    recounted_at              timestamptz NOT NULL,
    source_recount            bigint      NOT NULL,
    recounted_by              text        NOT NULL DEFAULT 'scan',
    suspect_because           text,
    accepted_because          text,
    retired_at                timestamptz,
    -- The central promise as a constraint: the published downloads equal the source's own count.
    CONSTRAINT published_equals_source CHECK (downloads = source_downloads AND downloads > 0),
    CONSTRAINT files_are_downloads CHECK (files <= downloads),
    CONSTRAINT files_without_mirrors_are_files CHECK (files_without_mirrors <= files),
    CONSTRAINT over_when_it_was_read CHECK (read_at >= (day + 1)::timestamp AT TIME ZONE 'UTC'),
    CONSTRAINT scanned_or_mirrored
        CHECK (num_nonnulls(mirrored_revision, mirrored_status) = CASE WHEN bigquery_job IS NULL THEN 2 ELSE 0 END)
);
-- Every statement of the API looks up the newest publication.
CREATE INDEX days_published_at ON pyzn.days (published_at);
COMMENT ON TABLE pyzn.days IS 'The ledger: one row per published UTC day. A day with no row is missing.';
COMMENT ON COLUMN pyzn.days.revision IS 'How many times the content of the day has been published; a re-read that finds the same content does not raise it. A mirrored day has the revision that it has at the mirror, or a higher one.';
COMMENT ON COLUMN pyzn.days.source_downloads IS 'The source''s own COUNT(*) of the day, counted independently of the breakdowns.';
COMMENT ON COLUMN pyzn.days.downloads_without_mirrors IS 'Rows whose installer is known and does not copy PyPI, by the rule of pypistats.org (pyzn_pipeline/breakdowns.py).';
COMMENT ON COLUMN pyzn.days.files IS 'Rows whose file is a wheel, a source archive or a zip: what PyPI counts as a download since 2026-08-24. NULL: the day was read without file names.';
COMMENT ON COLUMN pyzn.days.files_without_mirrors IS 'The files without mirrors; NULL unless the day holds a breakdown that counts them.';
COMMENT ON COLUMN pyzn.days.by_hour IS 'All of PyPI, {"UTC hour": downloads, ...}; a soft audit looks for a quiet hour.';
COMMENT ON COLUMN pyzn.days.checksum IS 'pyzn.day_checksum(day) at publication; any reader can compute it again.';
COMMENT ON COLUMN pyzn.days.replaced_rows IS 'Rows of the source with text that is not kept as it is: U+0000 becomes U+FFFD, and all rows with a name that no project can have are the project (invalid). They are counted like all others.';
COMMENT ON COLUMN pyzn.days.source IS 'Where this content came from: the table in BigQuery, or the URL of a mirror.';
COMMENT ON COLUMN pyzn.days.bigquery_job IS 'The job of the scan; NULL for a mirrored day.';
COMMENT ON COLUMN pyzn.days.mirrored_revision IS 'The revision that the mirror''s index had for the day; NULL for a scanned day. The next one must not be lower.';
COMMENT ON COLUMN pyzn.days.mirrored_status IS 'The status that the day had at the mirror when it was read; NULL for a scanned day. If it becomes suspect there, or no longer is, the day is read again.';
COMMENT ON COLUMN pyzn.days.bytes_billed IS 'Bytes that BigQuery billed for the scan this content came from.';
COMMENT ON COLUMN pyzn.days.read_at IS 'When the latest reading of the day began. Requests made before that are fulfilled.';
COMMENT ON COLUMN pyzn.days.recounted_at IS 'When the source last counted the day: at its publication, by a recount, or by a re-read (a whole scan) that found it unchanged. A mirrored day: when the exporter''s source last did.';
COMMENT ON COLUMN pyzn.days.source_recount IS 'The source''s latest count of the day, by a recount or a reading. If it differs from source_downloads, the day is out of date.';
COMMENT ON COLUMN pyzn.days.recounted_by IS 'What gave source_recount: ''scan'' (a reading of the whole day), or a recount: by ''metadata'' (the rows that BigQuery''s metadata tells of the partition), by ''count'' (COUNT(*)), or by ''mirror'' (what the exporter''s source counted last).';
COMMENT ON COLUMN pyzn.days.suspect_because IS 'In what a suspect day differs from the weeks before: the soft audits that it failed when it was last read.';
COMMENT ON COLUMN pyzn.days.accepted_because IS 'Why a person accepted a suspect day.';
COMMENT ON COLUMN pyzn.days.retired_at IS 'When the day''s rows were dropped; its downloads stay in the totals, and it is not read again.';

CREATE TABLE pyzn.mirrors (
    source      text        PRIMARY KEY,
    written_at  timestamptz NOT NULL,
    followed_at timestamptz
);
COMMENT ON TABLE pyzn.mirrors IS 'The mirrors that were used.';
COMMENT ON COLUMN pyzn.mirrors.written_at IS 'When the latest index that was used was written: an older one is not used, unless somebody accepts it.';
COMMENT ON COLUMN pyzn.mirrors.followed_at IS 'The written_at of the index that was followed last: the job recount has brought its counts and final days, and asked for its newer revisions.';

CREATE TABLE pyzn.day_breakdowns (
    day              date   NOT NULL REFERENCES pyzn.days,
    breakdown        text   NOT NULL,
    source_downloads bigint NOT NULL,
    downloads        bigint NOT NULL,
    project_keys     bigint NOT NULL,
    pypi_totals      json,
    PRIMARY KEY (day, breakdown),
    CONSTRAINT published_equals_source CHECK (downloads = source_downloads)
);
COMMENT ON TABLE pyzn.day_breakdowns IS 'One row for each breakdown that a published day holds. For a breakdown with no row here, the day is missing.';
COMMENT ON COLUMN pyzn.day_breakdowns.source_downloads IS 'The source''s own count of the rows that this breakdown counts.';
COMMENT ON COLUMN pyzn.day_breakdowns.project_keys IS 'How many (project, key) pairs have downloads: the rows of the tidy view.';
COMMENT ON COLUMN pyzn.day_breakdowns.pypi_totals IS 'All of PyPI, {"key": downloads, ...}; NULL if a key means something else for every project, as a version does.';

-- A project's day is one row: its counts, and a document for each breakdown. One row per (day, project), not per
-- (day, project, key), makes table and index several times smaller, and the API passes documents on as they are.
-- Columns of eight bytes come first, so nothing is padded. A day fills its index once from end to end, so its pages need
-- no room. A month's do (packing.py): a day of it that is read again is inserted between the others.
CREATE TABLE pyzn.project_days (
    downloads                 bigint NOT NULL,
    pip_downloads             bigint NOT NULL,
    ci_downloads              bigint NOT NULL,
    downloads_without_mirrors bigint NOT NULL,
    files                     bigint,
    files_without_mirrors     bigint,
    day                       date   NOT NULL,
    project                   text   COLLATE "C" NOT NULL,
    by_version                json,
    pip_by_version            json,
    ci_by_version             json,
    files_by_version          json,
    by_country                json,
    by_installer              json,
    by_python                 json,
    by_system                 json,
    by_wheel                  json,
    by_libc                   json,
    by_cpu                    json,
    by_implementation         json,
    by_installer_version      json,
    by_distro                 json,
    by_version_python         json,
    PRIMARY KEY (project, day) WITH (fillfactor = 100),
    -- By pyzn_pipeline/names.py, whatever the day was read from. The whole rule would take four times as long.
    CONSTRAINT project_is_a_name CHECK (octet_length(project) <= 255 AND project ~ '^[a-z0-9(]([a-z0-9-]*[a-z0-9)])?$')
) PARTITION BY RANGE (day);
COMMENT ON TABLE pyzn.project_days IS 'A day of a project. Read the views pyzn.downloads_by_... for tidy rows.';
COMMENT ON COLUMN pyzn.project_days.files IS 'As in pyzn.days; NULL in all rows of a day, or in none.';
COMMENT ON COLUMN pyzn.project_days.files_without_mirrors IS 'As in pyzn.days; NULL in all rows of a day, or in none.';
COMMENT ON COLUMN pyzn.project_days.by_version IS '{"version": downloads, ...}, keys in code-point order; an unknown version is the key "(unknown)". The other documents are like it. A document is NULL in the rows of a day that was read without its breakdown.';
COMMENT ON COLUMN pyzn.project_days.pip_by_version IS '[downloads by pip, ...], in the order of the keys of by_version.';
COMMENT ON COLUMN pyzn.project_days.ci_by_version IS '[downloads by CI, ...], in the order of the keys of by_version.';
COMMENT ON COLUMN pyzn.project_days.files_by_version IS '[files, ...], in the order of the keys of by_version.';
COMMENT ON COLUMN pyzn.project_days.by_python IS '{"minor version of Python": downloads without mirrors, ...}.';
COMMENT ON COLUMN pyzn.project_days.by_system IS '{"operating system": downloads without mirrors, ...}.';

-- Tidy views. ROWS FROM reads the document and its count arrays in parallel, in one pass each.
CREATE VIEW pyzn.downloads_by_version AS
SELECT packed.day, packed.project, entry.version,
       entry.downloads::bigint     AS downloads,
       entry.pip_downloads::bigint AS pip_downloads,
       entry.ci_downloads::bigint  AS ci_downloads,
       entry.files::bigint         AS files
FROM pyzn.project_days AS packed,
     ROWS FROM (json_each_text(packed.by_version),
                json_array_elements_text(packed.pip_by_version),
                json_array_elements_text(packed.ci_by_version),
                json_array_elements_text(packed.files_by_version)
               ) AS entry (version, downloads, pip_downloads, ci_downloads, files);
COMMENT ON VIEW pyzn.downloads_by_version IS 'Downloads per UTC day, project (PEP 503 normalised) and version; an unknown version is ''(unknown)'', never NULL. Predicates on project and day use the index.';

CREATE VIEW pyzn.downloads_by_country AS
SELECT packed.day, packed.project, entry.country, entry.downloads::bigint AS downloads
FROM pyzn.project_days AS packed, json_each_text(packed.by_country) AS entry (country, downloads);
COMMENT ON VIEW pyzn.downloads_by_country IS 'Downloads per UTC day, project (PEP 503 normalised) and country (ISO 3166-1 alpha-2); an unknown country is ''(unknown)'', never NULL. Predicates on project and day use the index.';

CREATE VIEW pyzn.downloads_by_installer AS
SELECT packed.day, packed.project, entry.installer, entry.downloads::bigint AS downloads
FROM pyzn.project_days AS packed, json_each_text(packed.by_installer) AS entry (installer, downloads);
COMMENT ON VIEW pyzn.downloads_by_installer IS 'Downloads per UTC day, project (PEP 503 normalised) and installer; an unknown installer is ''(unknown)'', never NULL. Predicates on project and day use the index.';

CREATE VIEW pyzn.downloads_by_python AS
SELECT packed.day, packed.project, entry.python, entry.downloads::bigint AS downloads
FROM pyzn.project_days AS packed, json_each_text(packed.by_python) AS entry (python, downloads);
COMMENT ON VIEW pyzn.downloads_by_python IS 'Downloads without mirrors per UTC day, project (PEP 503 normalised) and minor version of Python; an unknown one is ''(unknown)'', never NULL. Predicates on project and day use the index.';

CREATE VIEW pyzn.downloads_by_system AS
SELECT packed.day, packed.project, entry.system, entry.downloads::bigint AS downloads
FROM pyzn.project_days AS packed, json_each_text(packed.by_system) AS entry (system, downloads);
COMMENT ON VIEW pyzn.downloads_by_system IS 'Downloads without mirrors per UTC day, project (PEP 503 normalised) and operating system; an unknown one is ''(unknown)'', never NULL. Predicates on project and day use the index.';

CREATE VIEW pyzn.downloads_by_wheel AS
SELECT packed.day, packed.project, entry.wheel, entry.downloads::bigint AS downloads
FROM pyzn.project_days AS packed, json_each_text(packed.by_wheel) AS entry (wheel, downloads);
COMMENT ON VIEW pyzn.downloads_by_wheel IS 'Files without mirrors per UTC day, project (PEP 503 normalised) and what the file is for: the wheel''s python-abi-platform, ''sdist'' or ''(other)''. Predicates on project and day use the index.';

CREATE VIEW pyzn.downloads_by_libc AS
SELECT packed.day, packed.project, entry.libc, entry.downloads::bigint AS downloads
FROM pyzn.project_days AS packed, json_each_text(packed.by_libc) AS entry (libc, downloads);
COMMENT ON VIEW pyzn.downloads_by_libc IS 'Files without mirrors per UTC day, project (PEP 503 normalised) and C library of the system that downloads (glibc 2.39); an unknown one is ''(unknown)'', never NULL. Predicates on project and day use the index.';

CREATE VIEW pyzn.downloads_by_cpu AS
SELECT packed.day, packed.project, entry.cpu, entry.downloads::bigint AS downloads
FROM pyzn.project_days AS packed, json_each_text(packed.by_cpu) AS entry (cpu, downloads);
COMMENT ON VIEW pyzn.downloads_by_cpu IS 'Files without mirrors per UTC day, project (PEP 503 normalised) and architecture of the system that downloads; an unknown one is ''(unknown)'', never NULL. Predicates on project and day use the index.';

CREATE VIEW pyzn.downloads_by_implementation AS
SELECT packed.day, packed.project, entry.implementation, entry.downloads::bigint AS downloads
FROM pyzn.project_days AS packed, json_each_text(packed.by_implementation) AS entry (implementation, downloads);
COMMENT ON VIEW pyzn.downloads_by_implementation IS 'Files without mirrors per UTC day, project (PEP 503 normalised) and implementation of Python; an unknown one is ''(unknown)'', never NULL. Predicates on project and day use the index.';

CREATE VIEW pyzn.downloads_by_installer_version AS
SELECT packed.day, packed.project, entry.installer_version, entry.downloads::bigint AS downloads
FROM pyzn.project_days AS packed, json_each_text(packed.by_installer_version) AS entry (installer_version, downloads);
COMMENT ON VIEW pyzn.downloads_by_installer_version IS 'Files per UTC day, project (PEP 503 normalised) and installer with its minor version (pip 26.1); an unknown one is ''(unknown)'', never NULL. Predicates on project and day use the index.';

CREATE VIEW pyzn.downloads_by_distro AS
SELECT packed.day, packed.project, entry.distro, entry.downloads::bigint AS downloads
FROM pyzn.project_days AS packed, json_each_text(packed.by_distro) AS entry (distro, downloads);
COMMENT ON VIEW pyzn.downloads_by_distro IS 'Files without mirrors per UTC day, project (PEP 503 normalised) and distribution with its version (Ubuntu 24.04); an unknown one is ''(unknown)'', never NULL. Predicates on project and day use the index.';

CREATE VIEW pyzn.downloads_by_version_python AS
SELECT packed.day, packed.project, split_part(entry.keys, ' ', 1) AS python,
       substr(entry.keys, strpos(entry.keys, ' ') + 1) AS version, entry.downloads::bigint AS downloads
FROM pyzn.project_days AS packed, json_each_text(packed.by_version_python) AS entry (keys, downloads);
COMMENT ON VIEW pyzn.downloads_by_version_python IS 'Files without mirrors per UTC day, project (PEP 503 normalised), minor version of Python and version; an unknown one is ''(unknown)'', never NULL. Predicates on project and day use the index.';

CREATE VIEW pyzn.downloads_by_project AS
SELECT day, project, downloads, pip_downloads, ci_downloads, downloads_without_mirrors, files, files_without_mirrors
FROM pyzn.project_days;
COMMENT ON VIEW pyzn.downloads_by_project IS 'Downloads per UTC day and project (PEP 503 normalised). Predicates on project and day use the index.';

CREATE VIEW pyzn.pypi_downloads AS
SELECT day, breakdown, entry.key, entry.downloads::bigint AS downloads
FROM pyzn.day_breakdowns, json_each_text(pypi_totals) AS entry (key, downloads);
COMMENT ON VIEW pyzn.pypi_downloads IS 'All of PyPI per UTC day by the keys of each breakdown but the versions; python and system are without mirrors. Predicates on day use the index.';

CREATE VIEW pyzn.daily_totals AS
SELECT days.day, days.status, days.downloads, days.pip_downloads, days.ci_downloads, days.downloads_without_mirrors,
       days.projects, week_before.downloads AS downloads_week_before, days.files, week_before.files AS files_week_before
FROM pyzn.days
LEFT JOIN pyzn.days AS week_before ON week_before.day = days.day - 7;
COMMENT ON VIEW pyzn.daily_totals IS 'All of PyPI per published UTC day, beside the same weekday of the week before (weekends run about a third below weekdays). Reads only the ledger.';

-- The sum of 64 bits of each row's MD5. A sum does not depend on the order, so nothing is sorted. concat_ws leaves NULL
-- out, so a breakdown that is added later does not change the checksum of an earlier day.
-- In PL/pgSQL, because LANGUAGE sql took twice as long: 0.85 s for 0.41, a day of 150,000 projects on a busy machine.
CREATE FUNCTION pyzn.day_checksum(of_day date) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN (
        SELECT md5(coalesce(sum(('x' || left(md5(concat_ws(
            E'\n', project, downloads, pip_downloads, ci_downloads, downloads_without_mirrors, files, files_without_mirrors,
            by_version, pip_by_version, ci_by_version, files_by_version, by_country, by_installer, by_python, by_system,
            by_wheel, by_libc, by_cpu, by_implementation, by_installer_version, by_distro, by_version_python
        )), 16))::bit(64)::bigint), 0)::text)
        FROM pyzn.project_days WHERE day = of_day
    );
END
$$;
COMMENT ON FUNCTION pyzn.day_checksum IS 'The content of a day as one value; equal to pyzn.days.checksum unless something other than PyZn changed the tables.';

-- All-time totals: what was imported, plus the published days after that.

-- A publication updates nearly every row once. Half of each page is free for the new row versions, so no index
-- entry moves (HOT). With fillfactor 80, three quarters of them moved, and it took three times as long.
CREATE TABLE pyzn.projects (
    project         text COLLATE "C" PRIMARY KEY,
    total_downloads bigint NOT NULL,
    imported_up_to  date
) WITH (fillfactor = 45);
COMMENT ON TABLE pyzn.projects IS 'Every project ever seen, with its total: what was imported plus the published days after that. Changed only when a day is published and by imports.';
COMMENT ON COLUMN pyzn.projects.imported_up_to IS 'This project''s imported total counts up to and including this day. NULL: no total was imported for it, and pyzn.baseline.as_of applies.';

CREATE TABLE pyzn.baseline (
    as_of       date,
    imported_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX baseline_is_one_row ON pyzn.baseline ((true));
COMMENT ON TABLE pyzn.baseline IS 'One row once totals were imported.';
COMMENT ON COLUMN pyzn.baseline.as_of IS 'For projects that no import named, days up to and including this one are not counted; NULL: all days are. Set by `pyzn import-totals --replace-all`.';
COMMENT ON COLUMN pyzn.baseline.imported_at IS 'The time of the last import that changed a total.';

CREATE TABLE pyzn.retired_months (
    month      date PRIMARY KEY CHECK (extract(day FROM month) = 1),
    retired_at timestamptz NOT NULL
);
COMMENT ON TABLE pyzn.retired_months IS 'Months whose rows by day are dropped, by their first day; none of their days is read again.';

-- Rankings are stored, because ranking a month of all PyPI takes too long for a request.

CREATE TABLE pyzn.rankings (
    day           date PRIMARY KEY,
    missing       date[]      NOT NULL,
    counts        jsonb       NOT NULL,
    computed_from text        NOT NULL,
    published_at  timestamptz NOT NULL,
    ranked_at     timestamptz NOT NULL
);
COMMENT ON TABLE pyzn.rankings IS 'One row per ranked day; written in the same transaction as its rows in pyzn.top_projects.';
COMMENT ON COLUMN pyzn.rankings.missing IS 'Days of the month that ends with this day that were not published, or retired, and so are not counted.';
COMMENT ON COLUMN pyzn.rankings.counts IS 'The count that each period is ranked by, and that pyzn.top_projects.downloads has: files if every day of the period has them, else downloads.';
COMMENT ON COLUMN pyzn.rankings.published_at IS 'The latest publication among the 30 days of the month.';
COMMENT ON COLUMN pyzn.rankings.computed_from IS 'pyzn.ranking_source(day) when it was ranked; out of date when that has changed.';

CREATE TABLE pyzn.top_projects (
    day       date    NOT NULL REFERENCES pyzn.rankings ON DELETE CASCADE,
    period    text    NOT NULL CHECK (period IN ('day', 'week', 'month')),
    rank      integer NOT NULL,
    project   text    COLLATE "C" NOT NULL,
    downloads bigint  NOT NULL,
    change    integer,
    PRIMARY KEY (day, period, rank)
);
COMMENT ON TABLE pyzn.top_projects IS 'The 15,000 most downloaded projects of the 1, 7 and 30 days that end with a day (UTC), by names that a project can have; ties by name.';
COMMENT ON COLUMN pyzn.top_projects.change IS 'Places gained since the 1, 7 or 30 days before those; negative is lost. NULL for a project without downloads then, and for all when a day of then is not published.';

-- Requests for days, from the moment they are made.

CREATE TABLE pyzn.wanted (
    day             date PRIMARY KEY,
    asked_by        text[]      NOT NULL DEFAULT '{}',
    asked_at        timestamptz NOT NULL DEFAULT now(),
    run_id          text,
    attempts        integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    failed_at       timestamptz,
    reason          text,
    next_attempt_at timestamptz
);
COMMENT ON TABLE pyzn.wanted IS 'Days that somebody, or the calendar, asked for and that have not been read since: how often they were tried, and why the last attempt failed. A later reading deletes the row.';
COMMENT ON COLUMN pyzn.wanted.asked_by IS '''backfill <id>'', ''run <id>'', ''calendar'' (the day is due and missing) or ''recount'' (the source has more rows); empty: a person has canceled or withdrawn it, and it is not asked for again automatically.';
COMMENT ON COLUMN pyzn.wanted.asked_at IS 'When the day was last asked for.';
COMMENT ON COLUMN pyzn.wanted.run_id IS 'The last run that took the day on; NULL before the first.';
COMMENT ON COLUMN pyzn.wanted.attempts IS 'Attempts since the day was asked for; 0 while it waits for its turn in a run.';
COMMENT ON COLUMN pyzn.wanted.reason IS 'Why the last attempt failed; NULL while it runs, and if its process died.';
COMMENT ON COLUMN pyzn.wanted.next_attempt_at IS 'When the day is tried again if this attempt fails; NULL: not automatically, the day is given up.';

CREATE VIEW pyzn.wanted_days AS
SELECT *, CASE
    WHEN asked_by = '{}' THEN 'canceled'
    WHEN next_attempt_at IS NULL AND (failed_at IS NOT NULL OR asked_at < now() - interval '6 hours') THEN 'given up'
    WHEN failed_at IS NOT NULL THEN 'failed'
    ELSE 'waiting'
END AS state
FROM pyzn.wanted;
COMMENT ON VIEW pyzn.wanted_days IS 'pyzn.wanted with the state of each day: waiting (for its run, or being read), failed (and tried again at next_attempt_at), given up (not tried again unless a person asks), or canceled (by a person).';

CREATE TABLE pyzn.requests (
    id       text PRIMARY KEY,
    asked_at timestamptz NOT NULL,
    ended    boolean     NOT NULL,
    failure  text,
    set_aside text
);
COMMENT ON TABLE pyzn.requests IS 'The backfills and runs of Dagster that asked for days, so that each is recorded once and its end is noticed.';
COMMENT ON COLUMN pyzn.requests.id IS '''backfill <id>'' or ''run <id>''.';
COMMENT ON COLUMN pyzn.requests.asked_at IS 'When Dagster took it.';
COMMENT ON COLUMN pyzn.requests.set_aside IS 'Why days that it names were not asked for: they are no days, not over yet, or before PYZN_FIRST_DAY; NULL if there are none.';
COMMENT ON COLUMN pyzn.requests.failure IS 'Why Dagster ended it before its work was done; NULL if it did not.';

-- The hours of pyzn_pipeline/calendar.py, for programs that only read the database. `pyzn migrate` writes the row.
CREATE TABLE pyzn.calendar (
    late_at time NOT NULL
);
CREATE UNIQUE INDEX calendar_is_one_row ON pyzn.calendar ((true));
COMMENT ON TABLE pyzn.calendar IS 'One row: the hours of a day that readers need, copied from pyzn_pipeline/calendar.py.';
COMMENT ON COLUMN pyzn.calendar.late_at IS 'UTC, of the day after: a day that is not published by then is late.';

-- The known events of the source: those of pyzn_pipeline/events/events.toml, which `pyzn migrate` writes, and the operator's.
CREATE SEQUENCE pyzn.own_events;
CREATE TABLE pyzn.events (
    id         text        PRIMARY KEY CHECK (id ~ '^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$'),
    kind       text        NOT NULL CHECK (kind IN ('definition', 'loss', 'late', 'names', 'column')),
    first      date        NOT NULL,
    last       date        CHECK (last >= first),
    touches    text[]      NOT NULL,
    effect     text        NOT NULL CHECK (char_length(effect) BETWEEN 1 AND 500 AND effect !~ '[[:cntrl:]]'),
    sources    text[]      NOT NULL,
    own        boolean     NOT NULL GENERATED ALWAYS AS (starts_with(id, 'own-')) STORED,
    changed_at timestamptz NOT NULL DEFAULT date_trunc('second', now())
);
COMMENT ON TABLE pyzn.events IS 'What is known of the source: when the rule of what is a row changed, rows that were lost or came late, names and columns that began.';
COMMENT ON COLUMN pyzn.events.last IS 'NULL: a change that stays, or the end is unknown.';
COMMENT ON COLUMN pyzn.events.touches IS 'The counts (downloads, files, pip, ci, without_mirrors) and breakdowns whose numbers it changes.';
COMMENT ON COLUMN pyzn.events.effect IS 'What it does to the numbers, in a sentence.';
COMMENT ON COLUMN pyzn.events.own IS 'Added here, with `pyzn event add`; the others come with PyZn, and are replaced by `pyzn migrate`.';

-- Comparisons are of like with like: not across a change of what is counted.
CREATE FUNCTION pyzn.redefined(first_day date, last_day date) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ARRAY(
    SELECT DISTINCT unnest(touches) FROM pyzn.events
    WHERE kind IN ('definition', 'names')
      AND (first BETWEEN first_day AND last_day OR last BETWEEN first_day AND last_day - 1)
);
COMMENT ON FUNCTION pyzn.redefined IS 'The counts and breakdowns that mean something else on the last day than on the first, or changed on one of the two, by pyzn.events.';

-- A ranking counts 30 days and compares them with the 30 before: valid until one of the 60 changes, or what they count.
CREATE FUNCTION pyzn.ranking_source(of_day date) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN md5(concat(
    (SELECT string_agg(concat_ws(' ', day, revision, checksum), ',' ORDER BY day)
     FROM pyzn.days WHERE day BETWEEN of_day - 59 AND of_day),
    (SELECT string_agg(concat_ws(' ', first, last, touches), ',' ORDER BY id)
     FROM pyzn.events
     WHERE kind IN ('definition', 'names') AND first <= of_day AND coalesce(last, first) >= of_day - 59)
));
COMMENT ON FUNCTION pyzn.ranking_source IS 'The content of the 60 days that the rankings of a day are computed from, and the events that redefine their counts, as one value.';

-- Results computed from the published days. They are stored, because ranking a month of all PyPI takes too long
-- for a request.

CREATE TABLE pyzn.rankings (
    day           date PRIMARY KEY,
    missing       date[]      NOT NULL,
    computed_from text        NOT NULL,
    ranked_at     timestamptz NOT NULL
);
COMMENT ON TABLE pyzn.rankings IS 'One row per ranked day; written in the same transaction as its rows in pyzn.top_projects.';
COMMENT ON COLUMN pyzn.rankings.missing IS 'Days of the month that ends with this day that were not published, or retired, and so are not counted.';
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
COMMENT ON TABLE pyzn.top_projects IS 'The 1,000 most downloaded projects of the 1, 7 and 30 days that end with a day (UTC); ties by name.';
COMMENT ON COLUMN pyzn.top_projects.change IS 'Places gained since the 1, 7 or 30 days before those; negative is lost. NULL for a project without downloads then, and for all when a day of then is not published.';

-- A ranking counts 30 days and compares them with the 30 before: valid until one of the 60 changes.
CREATE FUNCTION pyzn.ranking_source(of_day date) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT md5(coalesce(string_agg(concat_ws(' ', day, revision, checksum), ',' ORDER BY day), ''))
    FROM pyzn.days WHERE day BETWEEN of_day - 59 AND of_day
);
COMMENT ON FUNCTION pyzn.ranking_source IS 'The content of the 60 days that the rankings of a day are computed from, as one value.';

CREATE VIEW pyzn.daily_totals AS
SELECT days.day, days.status, days.downloads, days.pip_downloads, days.ci_downloads,
       days.projects, days.project_versions, days.project_countries,
       week_before.downloads AS downloads_week_before
FROM pyzn.days
LEFT JOIN pyzn.days AS week_before ON week_before.day = days.day - 7;
COMMENT ON VIEW pyzn.daily_totals IS 'All of PyPI per published UTC day, beside the same weekday of the week before (weekends run about a third below weekdays). Reads only the ledger.';

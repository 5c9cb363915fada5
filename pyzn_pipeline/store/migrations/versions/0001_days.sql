-- One UTC day of downloads, packed: a row per project, the breakdown inside it as JSON text.
-- One row per (day, project) keeps table and index several times smaller than one per
-- (day, project, version), and the API passes `document` on without decoding it.

CREATE TABLE pyzn.days (
    day               date PRIMARY KEY,
    status            text        NOT NULL CHECK (status IN ('final', 'provisional', 'suspect')),
    revision          integer     NOT NULL CHECK (revision >= 1),
    source_downloads  bigint      NOT NULL,
    downloads         bigint      NOT NULL,
    pip_downloads     bigint      NOT NULL,
    ci_downloads      bigint      NOT NULL,
    projects          integer     NOT NULL,
    project_versions  integer     NOT NULL,
    project_countries integer     NOT NULL,
    checksum          text        NOT NULL,
    bigquery_job      text        NOT NULL,
    bytes_processed   bigint      NOT NULL,
    bytes_billed      bigint      NOT NULL,
    run_id            text        NOT NULL,
    published_at      timestamptz NOT NULL,
    recounted_at      timestamptz NOT NULL,
    -- The central promise as a constraint: the published downloads equal the source's own count.
    CONSTRAINT published_equals_source CHECK (downloads = source_downloads AND downloads > 0)
);
COMMENT ON TABLE pyzn.days IS 'The ledger: one row per published UTC day. A day with no row is missing.';
COMMENT ON COLUMN pyzn.days.revision IS 'How many times the content of the day has been published; a re-read that finds the same content does not raise it.';
COMMENT ON COLUMN pyzn.days.source_downloads IS 'The source''s own COUNT(*) of the day, counted independently of the breakdowns.';
COMMENT ON COLUMN pyzn.days.checksum IS 'pyzn.day_checksum(day) at publication; any reader can compute it again.';
COMMENT ON COLUMN pyzn.days.bytes_billed IS 'Bytes that BigQuery billed for the scan this content came from.';
COMMENT ON COLUMN pyzn.days.recounted_at IS 'When the day was last read at the source and found as published here.';

CREATE TABLE pyzn.failures (
    day       date PRIMARY KEY,
    run_id    text        NOT NULL,
    failed_at timestamptz NOT NULL,
    reason    text        NOT NULL
);
COMMENT ON TABLE pyzn.failures IS 'Why the last attempt at a day did not publish; the next publication of the day deletes the row.';

CREATE TABLE pyzn.projects (
    project         text COLLATE "C" PRIMARY KEY,
    total_downloads bigint NOT NULL
) WITH (fillfactor = 80);  -- room for HOT updates: every publication touches most rows
COMMENT ON TABLE pyzn.projects IS 'Every project ever seen, with its downloads over all published days; changed only in the transaction that publishes a day.';

CREATE TABLE pyzn.packed_by_version (
    downloads     bigint NOT NULL,
    pip_downloads bigint NOT NULL,
    ci_downloads  bigint NOT NULL,
    day           date   NOT NULL,
    project       text   COLLATE "C" NOT NULL,
    document      json   NOT NULL,
    pip_counts    json   NOT NULL,
    ci_counts     json   NOT NULL,
    PRIMARY KEY (project, day)
) PARTITION BY RANGE (day);
CREATE INDEX packed_by_version_day ON pyzn.packed_by_version USING brin (day);
COMMENT ON TABLE pyzn.packed_by_version IS 'A day of a project, by version. Read pyzn.downloads_by_version for tidy rows.';
COMMENT ON COLUMN pyzn.packed_by_version.document IS '{"version": downloads, ...}, keys in code-point order; an unknown version is the key "(unknown)".';
COMMENT ON COLUMN pyzn.packed_by_version.pip_counts IS '[downloads by pip, ...], in the order of the keys of document.';
COMMENT ON COLUMN pyzn.packed_by_version.ci_counts IS '[downloads by CI, ...], in the order of the keys of document.';

CREATE TABLE pyzn.packed_by_country (
    downloads bigint NOT NULL,
    day       date   NOT NULL,
    project   text   COLLATE "C" NOT NULL,
    document  json   NOT NULL,
    PRIMARY KEY (project, day)
) PARTITION BY RANGE (day);
CREATE INDEX packed_by_country_day ON pyzn.packed_by_country USING brin (day);
COMMENT ON TABLE pyzn.packed_by_country IS 'A day of a project, by country. Read pyzn.downloads_by_country for tidy rows.';
COMMENT ON COLUMN pyzn.packed_by_country.document IS '{"ISO 3166-1 alpha-2": downloads, ...}, keys in code-point order; an unknown country is the key "(unknown)".';

-- Tidy views. ROWS FROM reads the document and its count arrays in parallel, in one pass each.
CREATE VIEW pyzn.downloads_by_version AS
SELECT packed.day, packed.project, entry.version,
       entry.downloads::bigint     AS downloads,
       entry.pip_downloads::bigint AS pip_downloads,
       entry.ci_downloads::bigint  AS ci_downloads
FROM pyzn.packed_by_version AS packed,
     ROWS FROM (json_each_text(packed.document),
                json_array_elements_text(packed.pip_counts),
                json_array_elements_text(packed.ci_counts)
               ) AS entry (version, downloads, pip_downloads, ci_downloads);
COMMENT ON VIEW pyzn.downloads_by_version IS 'Downloads per UTC day, project (PEP 503 normalised) and version; an unknown version is ''(unknown)'', never NULL. Predicates on project and day use the index.';

CREATE VIEW pyzn.downloads_by_country AS
SELECT packed.day, packed.project, entry.country, entry.downloads::bigint AS downloads
FROM pyzn.packed_by_country AS packed,
     json_each_text(packed.document) AS entry (country, downloads);
COMMENT ON VIEW pyzn.downloads_by_country IS 'Downloads per UTC day, project (PEP 503 normalised) and country (ISO 3166-1 alpha-2); an unknown country is ''(unknown)'', never NULL. Predicates on project and day use the index.';

CREATE VIEW pyzn.downloads_by_project AS
SELECT day, project, downloads, pip_downloads, ci_downloads
FROM pyzn.packed_by_version;
COMMENT ON VIEW pyzn.downloads_by_project IS 'Downloads per UTC day and project (PEP 503 normalised). Predicates on project and day use the index.';

-- The sum of 64 bits of each row's MD5, over both tables. A sum does not depend on the order, so nothing is sorted.
CREATE FUNCTION pyzn.row_checksum(VARIADIC fields text[]) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (('x' || left(md5(array_to_string(fields, E'\n')), 16))::bit(64)::bigint)::numeric;

CREATE FUNCTION pyzn.day_checksum(of_day date) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT md5(coalesce(sum(row_checksum), 0)::text)
    FROM (
        SELECT pyzn.row_checksum('version', project, document::text, pip_counts::text, ci_counts::text)
        FROM pyzn.packed_by_version WHERE day = of_day
        UNION ALL
        SELECT pyzn.row_checksum('country', project, document::text)
        FROM pyzn.packed_by_country WHERE day = of_day
    ) AS published (row_checksum)
);
COMMENT ON FUNCTION pyzn.day_checksum IS 'The content of a day as one value; equal to pyzn.days.checksum unless something other than PyZn changed the tables.';

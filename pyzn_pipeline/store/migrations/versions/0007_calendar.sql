-- The hours of pyzn_pipeline/calendar.py, for programs that only read the database. `pyzn migrate` writes the row.
CREATE TABLE pyzn.calendar (
    late_at time NOT NULL
);
CREATE UNIQUE INDEX calendar_is_one_row ON pyzn.calendar ((true));
COMMENT ON TABLE pyzn.calendar IS 'One row: the hours of a day that readers need, copied from pyzn_pipeline/calendar.py.';
COMMENT ON COLUMN pyzn.calendar.late_at IS 'UTC, of the day after: a day that is not published by then is late.';

ALTER TABLE pyzn.days ADD COLUMN replaced_rows bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN pyzn.days.replaced_rows IS 'Rows of the source with text that Postgres cannot store: U+0000 becomes U+FFFD, a project''s name is cut after 500 characters. They are counted like all others.';

COMMENT ON COLUMN pyzn.days.source_recount IS 'The source''s latest count of the day, by a recount or a reading. If it differs from source_downloads, the day is out of date.';
COMMENT ON COLUMN pyzn.days.recounted_at IS 'When the source last counted the day: at its publication, by a recount (COUNT(*) alone), or by a re-read (a whole scan) that found it unchanged.';

-- What pyzn_pipeline/calendar.py says, for those who know the database alone. `pyzn migrate` writes the row, every time.
CREATE TABLE pyzn.calendar (
    late_at time NOT NULL
);
CREATE UNIQUE INDEX calendar_is_one_row ON pyzn.calendar ((true));
COMMENT ON TABLE pyzn.calendar IS 'One row: the hours of a day that readers need, as pyzn_pipeline/calendar.py has them.';
COMMENT ON COLUMN pyzn.calendar.late_at IS 'UTC, of the day after: a day that is not published by then is late.';

ALTER TABLE pyzn.days ADD COLUMN replaced_rows bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN pyzn.days.replaced_rows IS 'Rows of the source with text that Postgres cannot carry: U+0000 is U+FFFD here, a project is cut after 500 characters. They are counted as all others.';

-- A re-count asks for COUNT(*); a re-read is a whole scan, which counts as well.
COMMENT ON COLUMN pyzn.days.source_recount IS 'What the source counted when it was last asked, by a re-count or a reading; unlike source_downloads, the day is out of date.';
COMMENT ON COLUMN pyzn.days.recounted_at IS 'When the source last counted the day: at its publication, by a re-count (COUNT(*) alone), or by a re-read (a whole scan) that found it unchanged.';

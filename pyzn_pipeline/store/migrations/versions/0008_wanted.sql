-- Every request for a day, from the moment it is made: who asked, whether they took it back, and the attempts.
-- Before the first release nothing ran beside it:
-- squawk-ignore-file adding-field-with-default, ban-drop-not-null, renaming-object, renaming-table

ALTER TABLE pyzn.days ADD COLUMN read_at timestamptz NOT NULL DEFAULT clock_timestamp();
UPDATE pyzn.days SET read_at = published_at;
COMMENT ON COLUMN pyzn.days.read_at IS 'When the latest reading of the day began. Requests made before that are fulfilled.';

ALTER TABLE pyzn.attempts RENAME TO wanted;
ALTER TABLE pyzn.wanted RENAME CONSTRAINT attempts_pkey TO wanted_pkey;
ALTER TABLE pyzn.wanted
    ADD COLUMN asked_by text[] NOT NULL DEFAULT '{}',
    ALTER COLUMN run_id DROP NOT NULL,
    ALTER COLUMN attempts SET DEFAULT 0;
UPDATE pyzn.wanted SET asked_by = ARRAY['run ' || run_id];
COMMENT ON TABLE pyzn.wanted IS 'Days that somebody, or the calendar, asked for and that have not been read since: how often they were tried, and why the last attempt failed. A later reading deletes the row.';
COMMENT ON COLUMN pyzn.wanted.asked_by IS '''backfill <id>'', ''run <id>'', ''calendar'' (the day is due and missing) or ''recount'' (the source has more rows); empty: the person who asked took it back, and it is not asked for again automatically.';
COMMENT ON COLUMN pyzn.wanted.asked_at IS 'When the day was last asked for.';
COMMENT ON COLUMN pyzn.wanted.run_id IS 'The last run that took the day on; NULL before the first.';
COMMENT ON COLUMN pyzn.wanted.attempts IS 'Attempts since the day was asked for; 0 while it waits for its turn in a run.';
COMMENT ON COLUMN pyzn.wanted.next_attempt_at IS 'When the day is tried again if this attempt fails; NULL: not automatically, the day is given up.';

CREATE TABLE pyzn.requests (
    id       text PRIMARY KEY,
    asked_at timestamptz NOT NULL,
    ended    boolean     NOT NULL,
    failure  text
);
COMMENT ON TABLE pyzn.requests IS 'The backfills and runs of Dagster that asked for days, so that each is recorded once and its end is noticed.';
COMMENT ON COLUMN pyzn.requests.id IS '''backfill <id>'' or ''run <id>''.';
COMMENT ON COLUMN pyzn.requests.asked_at IS 'When Dagster took it.';
COMMENT ON COLUMN pyzn.requests.failure IS 'Why Dagster ended it before its work was done; NULL if it did not.';

CREATE VIEW pyzn.wanted_days AS
SELECT *, CASE
    WHEN asked_by = '{}' THEN 'taken back'
    WHEN next_attempt_at IS NULL AND (failed_at IS NOT NULL OR asked_at < now() - interval '6 hours') THEN 'given up'
    WHEN failed_at IS NOT NULL THEN 'failed'
    ELSE 'waiting'
END AS state
FROM pyzn.wanted;
COMMENT ON VIEW pyzn.wanted_days IS 'pyzn.wanted with the state of each day: waiting (for its run, or being read), failed (and tried again at next_attempt_at), given up (not tried again unless a person asks), or taken back (by the person who asked).';

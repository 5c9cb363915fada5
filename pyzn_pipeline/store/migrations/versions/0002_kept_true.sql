-- What keeps days true after their publication: recounts, attempts with the time of the next one,
-- the profiles that soft audits compare, the imported baseline of the totals, retired months.
-- Before the first release nothing ran beside it:
-- squawk-ignore-file adding-not-nullable-field, ban-drop-not-null, renaming-object, renaming-table

ALTER TABLE pyzn.days
    ADD COLUMN source_recount   bigint,
    ADD COLUMN accepted_because text,
    ADD COLUMN retired_at       timestamptz;
UPDATE pyzn.days SET source_recount = source_downloads;
ALTER TABLE pyzn.days ALTER COLUMN source_recount SET NOT NULL;
COMMENT ON COLUMN pyzn.days.source_recount IS 'The source''s latest count of the day, made at recounted_at. If it differs from source_downloads, the day is out of date.';
COMMENT ON COLUMN pyzn.days.recounted_at IS 'When the source last counted the day; equal to published_at until the first recount.';
COMMENT ON COLUMN pyzn.days.accepted_because IS 'Why a person took a suspect day for right.';
COMMENT ON COLUMN pyzn.days.retired_at IS 'When the day''s rows were dropped; its downloads stay in the totals, and it is not read again.';

ALTER TABLE pyzn.failures RENAME TO attempts;
ALTER TABLE pyzn.attempts RENAME CONSTRAINT failures_pkey TO attempts_pkey;
ALTER TABLE pyzn.attempts
    ADD COLUMN attempts        integer     NOT NULL DEFAULT 1 CHECK (attempts >= 0),
    ADD COLUMN asked_at        timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN next_attempt_at timestamptz,
    ALTER COLUMN failed_at DROP NOT NULL,
    ALTER COLUMN reason DROP NOT NULL;
UPDATE pyzn.attempts SET asked_at = failed_at;
COMMENT ON TABLE pyzn.attempts IS 'Days asked for and not published since: how often they were tried, and why the last attempt failed. Publication deletes the row.';
COMMENT ON COLUMN pyzn.attempts.attempts IS 'Attempts begun since the day was last published; 0 while it waits for its turn in a run.';
COMMENT ON COLUMN pyzn.attempts.reason IS 'Why the last attempt failed; NULL while it runs, and if its process died.';
COMMENT ON COLUMN pyzn.attempts.next_attempt_at IS 'When the day is tried again if this attempt fails; NULL: not automatically.';

CREATE TABLE pyzn.profiles (
    day        date PRIMARY KEY REFERENCES pyzn.days,
    by_country json NOT NULL,
    by_hour    json NOT NULL
);
COMMENT ON TABLE pyzn.profiles IS 'A whole published day, {"country": downloads, ...} and {"UTC hour": downloads, ...}, which the soft audits compare.';

-- A total is the imported number of the project plus every published day after baseline.as_of.
CREATE TABLE pyzn.baseline (
    as_of       date        NOT NULL,
    imported_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX baseline_is_one_row ON pyzn.baseline ((true));
COMMENT ON TABLE pyzn.baseline IS 'One row once totals were imported: they count up to and including as_of.';

CREATE TABLE pyzn.retired_months (
    month      date PRIMARY KEY CHECK (extract(day FROM month) = 1),
    retired_at timestamptz NOT NULL
);
COMMENT ON TABLE pyzn.retired_months IS 'Months whose rows by day are dropped, by their first day; none of their days is read again.';

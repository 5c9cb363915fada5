-- Stores the current state of Dagster's backfill or run :id.
INSERT INTO pyzn.requests (id, asked_at, ended, failure, set_aside)
VALUES (:id, :asked_at, :ended, :failure, :set_aside)
ON CONFLICT (id) DO UPDATE SET ended = excluded.ended, failure = excluded.failure

-- Dagster's backfill or run :id, as it is now.
INSERT INTO pyzn.requests (id, asked_at, ended, failure) VALUES (:id, :asked_at, :ended, :failure)
ON CONFLICT (id) DO UPDATE SET ended = excluded.ended, failure = excluded.failure

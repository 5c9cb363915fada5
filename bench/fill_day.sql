-- Inserts the ledger's row of a day with the content of another day.
INSERT INTO pyzn.days
SELECT (jsonb_populate_record(days, jsonb_build_object('day', CAST(:day AS date), 'status', 'final'))).*
FROM pyzn.days WHERE day = :like

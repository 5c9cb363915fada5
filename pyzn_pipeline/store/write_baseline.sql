-- Totals count from :as_of on. The time is that of the last import that changed something (:changed).
INSERT INTO pyzn.baseline AS known (as_of, imported_at) VALUES (:as_of, clock_timestamp())
ON CONFLICT ((true)) DO UPDATE SET as_of = excluded.as_of, imported_at = excluded.imported_at
WHERE :changed OR known.as_of <> excluded.as_of

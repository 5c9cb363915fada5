-- Inserts the ledger's row for one breakdown of :day. `whole` is NULL unless it is common.
INSERT INTO pyzn.day_breakdowns (day, breakdown, source_downloads, downloads, project_keys, whole)
VALUES (:day, :breakdown, :source_downloads, :downloads, :project_keys, CAST(:whole AS json))

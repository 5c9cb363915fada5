-- Inserts the ledger's row for one breakdown of :day. `pypi_totals` is NULL unless it is common.
INSERT INTO pyzn.day_breakdowns (day, breakdown, source_downloads, downloads, project_keys, pypi_totals)
VALUES (:day, :breakdown, :source_downloads, :downloads, :project_keys, CAST(:pypi_totals AS json))

-- A temporary table for the new rows of a day that is published already; dropped with the transaction.
CREATE TEMP TABLE staged (LIKE pyzn.project_days) ON COMMIT DROP

-- A temporary table for the new rows of one breakdown of a day that is published already; dropped with the transaction.
CREATE TEMP TABLE staged_by_$name (LIKE pyzn.$table) ON COMMIT DROP

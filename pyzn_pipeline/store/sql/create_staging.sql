-- The rows of one breakdown of a day that is published already: private to the connection and gone with the transaction.
CREATE TEMP TABLE staged_by_$name (LIKE pyzn.$table) ON COMMIT DROP

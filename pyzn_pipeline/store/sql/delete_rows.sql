-- Deletes the published rows of :day from one packed table. Readers see them until the transaction commits.
DELETE FROM pyzn.$table WHERE day = :day

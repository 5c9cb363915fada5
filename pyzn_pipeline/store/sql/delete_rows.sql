-- The published rows of :day in one packed table; readers see them until the transaction commits.
DELETE FROM pyzn.$table WHERE day = :day

-- One row: the mirror's revision and the checksum with which :day was last mirrored from :source, NULL if it was not; and
-- when the newest index of :source that any day was read from was written. Costs a pass over the ledger.
SELECT max(mirrored_revision) FILTER (WHERE day = :day) AS revision,
       max(checksum) FILTER (WHERE day = :day)          AS checksum,
       max(mirrored_at)                                 AS written_at
FROM pyzn.days
WHERE source = :source

-- One row: the mirror's revision and the checksum with which :day was last mirrored from :source; NULL if it was not.
-- The name ends with ' of the emulator' if the exporter read the day from one. Index look-up.
SELECT max(mirrored_revision) AS revision, max(checksum) AS checksum
FROM pyzn.days
WHERE day = :day AND source IN (:source, :source || ' of the emulator')

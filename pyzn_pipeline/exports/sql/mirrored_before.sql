-- One row: the mirror's revision and the checksum with which :day was last mirrored from :source; NULL if it was not.
-- Index look-up. The name ends so if the exporter read the day from an emulator.
SELECT max(mirrored_revision) AS revision, max(checksum) AS checksum FROM pyzn.days WHERE day = :day AND source IN (:source, :source || ' of the emulator')

-- The published days that must be read again after a look at the index of :source (:index, JSON): it has a newer
-- revision, or the day is suspect there now or no longer is; and of days from elsewhere, other content that was
-- counted later. The name ends with ' of the emulator' if the exporter read the day from one. In order: day,
-- downloads, the exporter's count, status. Costs a pass over the ledger.
SELECT day, downloads, line.source_recount, days.status
FROM pyzn.days JOIN json_to_recordset(CAST(:index AS json) -> 'days') AS line
    (day date, revision integer, checksum text, status text, source_recount bigint, recounted_at timestamptz) USING (day)
WHERE retired_at IS NULL AND CASE WHEN source IN (:source, :source || ' of the emulator')
    THEN line.revision > mirrored_revision OR (line.status = 'suspect') <> (mirrored_status = 'suspect')
    ELSE line.checksum <> days.checksum AND line.recounted_at > days.recounted_at END
ORDER BY day

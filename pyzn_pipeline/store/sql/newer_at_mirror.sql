-- The published days that must be read again because of what the index of :source says (:days, :revisions, :checksums,
-- :statuses, :source_recounts, :recounted_times, in the same order): it has a newer revision, or the day is suspect there
-- now or no longer is; and of days from elsewhere, other content that was counted later. In order: day, downloads, the
-- exporter's count, status. Costs a pass over the ledger.
SELECT day, downloads, line.source_recount, days.status
FROM pyzn.days JOIN unnest(
    CAST(:days AS date[]), CAST(:revisions AS integer[]), CAST(:checksums AS text[]), CAST(:statuses AS text[]),
    CAST(:source_recounts AS bigint[]), CAST(:recounted_times AS timestamptz[])
) AS line (day, revision, checksum, status, source_recount, recounted_at) USING (day)
WHERE retired_at IS NULL AND CASE WHEN source = :source
    THEN line.revision > mirrored_revision OR (line.status = 'suspect') <> (mirrored_status = 'suspect')
    ELSE line.checksum <> days.checksum AND line.recounted_at > days.recounted_at END
ORDER BY day

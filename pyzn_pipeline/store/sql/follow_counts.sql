-- A mirror's index says of its :days (with :checksums, :statuses, :source_recounts, :recounted_times, in the same order)
-- when the exporter's source counted them last, and how much. Stores that for the published days with the same
-- content, unless a later count is known. A provisional day is final when it is final at the exporter.
-- Returns the days with a later count: day, downloads, count, status. Costs a pass over the ledger.
UPDATE pyzn.days AS published SET
    recounted_at = line.recounted_at,
    source_recount = line.source_recount,
    recounted_by = 'mirror',
    status = CASE WHEN published.status = 'provisional' AND line.status = 'final'
                       AND published.source_downloads = line.source_recount THEN 'final' ELSE published.status END
FROM unnest(
    CAST(:days AS date[]), CAST(:checksums AS text[]), CAST(:statuses AS text[]), CAST(:source_recounts AS bigint[]),
    CAST(:recounted_times AS timestamptz[])
) AS line (day, checksum, status, source_recount, recounted_at)
WHERE published.day = line.day AND published.checksum = line.checksum AND published.retired_at IS NULL
  AND line.recounted_at > published.recounted_at
RETURNING published.day, published.downloads, published.source_recount, published.status

-- Stores the exporter's latest counts, from a mirror's index (:index, JSON), for the published days with the same content
-- and an earlier count. A provisional day is final when it is final at the exporter, with as many downloads.
-- Returns the days with a later count: day, downloads, count, status. Costs a pass over the ledger.
UPDATE pyzn.days AS published SET
    recounted_at = line.recounted_at,
    source_recount = line.source_recount,
    recounted_by = 'mirror',
    status = CASE WHEN published.status = 'provisional' AND line.status = 'final'
                       AND published.source_downloads = line.source_recount THEN 'final' ELSE published.status END
FROM json_to_recordset(CAST(:index AS json) -> 'days')
     AS line (day date, checksum text, status text, source_recount bigint, recounted_at timestamptz)
WHERE published.day = line.day AND published.checksum = line.checksum AND published.retired_at IS NULL
  AND line.recounted_at > published.recounted_at
RETURNING published.day, published.downloads, published.source_recount, published.status

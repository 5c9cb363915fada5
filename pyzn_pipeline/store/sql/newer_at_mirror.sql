-- The published days that came from the mirror :source and have a newer revision in its index, in order, with their
-- downloads, the exporter's count and their status. Costs a pass over the ledger.
SELECT day, downloads, line.source_recount, status
FROM pyzn.days JOIN unnest(
    CAST(:days AS date[]), CAST(:revisions AS integer[]), CAST(:source_recounts AS bigint[])
) AS line (day, revision, source_recount) USING (day)
WHERE source = :source AND line.revision > mirrored_revision AND retired_at IS NULL
ORDER BY day

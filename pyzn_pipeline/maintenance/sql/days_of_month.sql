-- The published days of :month whose rows are there: day, revision, checksum.
SELECT day, revision, checksum
FROM pyzn.days
WHERE day >= :month AND day < CAST(:month AS date) + interval '1 month' AND retired_at IS NULL

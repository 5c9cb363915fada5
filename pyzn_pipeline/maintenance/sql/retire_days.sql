-- Marks the days of :month as retired in the ledger: the rows of the ledger stay, the downloads by day are dropped.
UPDATE pyzn.days SET retired_at = now()
WHERE day >= :month AND day < CAST(:month AS date) + interval '1 month' AND retired_at IS NULL

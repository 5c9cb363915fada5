-- The ledger's rows of :month stay, and say that the day's own rows are gone.
UPDATE pyzn.days SET retired_at = now()
WHERE day >= :month AND day < CAST(:month AS date) + interval '1 month' AND retired_at IS NULL

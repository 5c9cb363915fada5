-- The published days from :first to :last with their totals, in order. Two index scans of the ledger.
SELECT * FROM pyzn.daily_totals WHERE day BETWEEN :first AND :last ORDER BY day

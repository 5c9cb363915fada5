-- One value: a text that changes whenever the rows that answers are made of do: a publication, a retired month,
-- an import of totals, a ranking. database.py puts it beside the rows of every statement, so it is of the same
-- snapshot; a ledger with another id is older. It does not change with statuses, which answers take from the ledger alone.
-- Cost: four look-ups in indexes or tables of a few rows, about a tenth of a millisecond.
SELECT concat_ws(
    ' ',
    (SELECT extract(epoch FROM max(published_at)) FROM pyzn.days),
    (SELECT count(*) FROM pyzn.retired_months),
    (SELECT extract(epoch FROM imported_at) FROM pyzn.baseline),
    (SELECT concat_ws(' ', day - date '2000-01-01', extract(epoch FROM ranked_at)) FROM pyzn.rankings ORDER BY day DESC LIMIT 1)
)

-- The days of :days whose downloads in pyzn.daily_totals are not those that their versions add up to. Index look-ups.
SELECT day
FROM pyzn.daily_totals JOIN pyzn.day_breakdowns USING (day)
WHERE day = ANY (CAST(:days AS date[])) AND breakdown = 'version' AND day_breakdowns.downloads <> daily_totals.downloads
ORDER BY day

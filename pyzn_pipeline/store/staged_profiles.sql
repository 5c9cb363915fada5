-- The rows of the whole staged day that are documents: breakdown 'day_by_country' and 'day_by_hour'.
SELECT breakdown, document FROM staged WHERE project IS NULL AND breakdown <> 'day'

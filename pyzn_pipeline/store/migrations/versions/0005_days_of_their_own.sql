-- Each day is loaded into a partition of its own; closed months are rewritten in project order.
-- Before the first release nothing ran beside it:
-- squawk-ignore-file require-concurrent-index-deletion

-- A day is a partition, or its month's rows are in project order: a BRIN on the day finds nothing in either.
DROP INDEX pyzn.packed_by_version_day;
DROP INDEX pyzn.packed_by_country_day;

-- A publication updates nearly every row once: half of a page is room for the new versions of the other half, so
-- that no index entry moves (HOT). At 80 three quarters of them did, which took three times as long.
ALTER TABLE pyzn.projects SET (fillfactor = 45);

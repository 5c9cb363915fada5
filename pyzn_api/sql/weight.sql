-- One value: the stored bytes of documents of projects, or of all of PyPI, in the window. database.py fills the names after a dollar sign,
-- and puts it into each statement that reads documents, as its condition.
-- Cost: one heap row per project and day; the documents themselves are not read.
SELECT coalesce(sum($sizes), 0)
FROM $table
WHERE $of AND day BETWEEN %(start)s AND %(end)s

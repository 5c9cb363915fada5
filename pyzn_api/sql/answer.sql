-- The rows of a statement, and beside each the text of snapshot_id.sql. database.py fills the names after a dollar sign.
-- Cost: that of both.
SELECT answer.*, ($snapshot_id) AS snapshot_id
FROM ($rows) AS answer

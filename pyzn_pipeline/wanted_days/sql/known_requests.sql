-- The id and `ended` of every request that has not ended, or that was made after :since.
SELECT id, ended FROM pyzn.requests WHERE NOT ended OR asked_at > :since

-- The hours of calendar.py, for the API. Writes nothing where they are the same already.
INSERT INTO pyzn.calendar AS known (late_at) VALUES (:late_at)
ON CONFLICT ((true)) DO UPDATE SET late_at = excluded.late_at WHERE known.late_at <> excluded.late_at

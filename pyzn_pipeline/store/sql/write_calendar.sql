-- Stores the hours of calendar.py for the API. Writes nothing if they are unchanged.
INSERT INTO pyzn.calendar AS known (late_at) VALUES (:late_at)
ON CONFLICT ((true)) DO UPDATE SET late_at = excluded.late_at WHERE known.late_at <> excluded.late_at

-- Marks :month as retired: no day of it is read again.
INSERT INTO pyzn.retired_months (month, retired_at) VALUES (:month, now()) ON CONFLICT (month) DO NOTHING

-- Stores the day's profiles and replaces those of its former revision.
INSERT INTO pyzn.profiles (day, by_country, by_hour)
VALUES (:day, CAST(:by_country AS json), CAST(:by_hour AS json))
ON CONFLICT (day) DO UPDATE SET by_country = excluded.by_country, by_hour = excluded.by_hour

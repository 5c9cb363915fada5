-- Records that the index of :source that was written at :written_at is used.
INSERT INTO pyzn.mirrors (source, written_at) VALUES (:source, :written_at)
ON CONFLICT (source) DO UPDATE SET written_at = excluded.written_at

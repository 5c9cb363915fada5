-- Records that a person accepts the suspect :day as correct. Returns no row unless it is suspect.
UPDATE pyzn.days SET status = 'provisional', accepted_because = :because
WHERE day = :day AND status = 'suspect'
RETURNING revision

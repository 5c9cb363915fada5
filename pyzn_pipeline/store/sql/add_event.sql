-- Adds an event of the operator's own. Returns its id, which no other has had.
INSERT INTO pyzn.events (id, kind, first, last, touches, effect, sources)
VALUES ('own-' || nextval('pyzn.own_events'), :kind, :first, :last, :touches, :effect, :sources)
RETURNING id

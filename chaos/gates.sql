-- Gates in the transaction that publishes a day: while the advisory lock of a gate is held, a run stops there.
-- They cost a run one shared lock for each statement, and change nothing else.
CREATE SCHEMA chaos;

CREATE FUNCTION chaos.gate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtext('chaos'), hashtext(TG_NAME));
    RETURN NULL;
END $$;

CREATE TRIGGER "totals are locked"        BEFORE INSERT ON pyzn.projects FOR EACH STATEMENT EXECUTE FUNCTION chaos.gate();
CREATE TRIGGER "totals have moved"        AFTER  INSERT ON pyzn.projects FOR EACH STATEMENT EXECUTE FUNCTION chaos.gate();
CREATE TRIGGER "old versions are deleted" AFTER  DELETE ON pyzn.packed_by_version FOR EACH STATEMENT EXECUTE FUNCTION chaos.gate();
CREATE TRIGGER "new versions are there"   AFTER  INSERT ON pyzn.packed_by_version FOR EACH STATEMENT EXECUTE FUNCTION chaos.gate();
CREATE TRIGGER "old countries are deleted" AFTER DELETE ON pyzn.packed_by_country FOR EACH STATEMENT EXECUTE FUNCTION chaos.gate();
CREATE TRIGGER "new countries are there"  AFTER  INSERT ON pyzn.packed_by_country FOR EACH STATEMENT EXECUTE FUNCTION chaos.gate();
CREATE TRIGGER "the ledger is written"    AFTER  INSERT OR UPDATE ON pyzn.days FOR EACH STATEMENT EXECUTE FUNCTION chaos.gate();
CREATE CONSTRAINT TRIGGER "it commits"    AFTER  INSERT OR UPDATE ON pyzn.days
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chaos.gate();

-- Gates in the transaction that publishes a day: while the advisory lock of a gate is held, a run stops there.
-- They cost a run one shared lock for each statement, and change nothing else.
CREATE SCHEMA chaos;

CREATE FUNCTION chaos.gate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtext('chaos'), hashtext(TG_NAME));
    RETURN NULL;
END $$;

CREATE TRIGGER "totals are locked"     BEFORE INSERT ON pyzn.projects FOR EACH STATEMENT EXECUTE FUNCTION chaos.gate();
CREATE TRIGGER "totals have moved"     AFTER  INSERT ON pyzn.projects FOR EACH STATEMENT EXECUTE FUNCTION chaos.gate();
CREATE TRIGGER "old rows are deleted"  AFTER  DELETE ON pyzn.project_days FOR EACH STATEMENT EXECUTE FUNCTION chaos.gate();
CREATE TRIGGER "new rows are there"    AFTER  INSERT ON pyzn.project_days FOR EACH STATEMENT EXECUTE FUNCTION chaos.gate();
CREATE TRIGGER "the ledger is written" AFTER  INSERT OR UPDATE ON pyzn.days FOR EACH STATEMENT EXECUTE FUNCTION chaos.gate();
CREATE TRIGGER "breakdowns are listed" AFTER  INSERT ON pyzn.day_breakdowns FOR EACH STATEMENT EXECUTE FUNCTION chaos.gate();
CREATE CONSTRAINT TRIGGER "it commits" AFTER  INSERT OR UPDATE ON pyzn.days
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chaos.gate();

-- Listeners of `markets` are told only when a row was really written: most pages of a pass over the
-- catalogue change nothing. A trigger with a transition table hears of one kind of statement.

CREATE OR REPLACE FUNCTION tell_catalogue_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM written) THEN
        PERFORM pg_notify('markets', '');  -- one per transaction: the server folds equal payloads
    END IF;
    RETURN NULL;
END $$;

DROP TRIGGER markets_told ON markets;
CREATE TRIGGER markets_told_new AFTER INSERT ON markets REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION tell_catalogue_changed();
CREATE TRIGGER markets_told_changed AFTER UPDATE ON markets REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION tell_catalogue_changed();

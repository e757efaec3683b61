-- Words of the schema, and what we know of markets.
-- A domain carries its rule into every column, so that no table can forget it.

CREATE DOMAIN ident AS text CHECK (length(VALUE) BETWEEN 1 AND 200);
CREATE DOMAIN usd_amount AS numeric(20, 6);
CREATE DOMAIN unit_price AS numeric(20, 6) CHECK (VALUE BETWEEN 0 AND 1);
CREATE DOMAIN share_count AS numeric(20, 6) CHECK (VALUE >= 0);
CREATE DOMAIN trade_mode AS text CHECK (VALUE IN ('paper', 'live'));

CREATE TABLE markets (
    condition_id        ident PRIMARY KEY,
    question            text NOT NULL,
    slug                text NOT NULL DEFAULT '',
    category            text,
    tags                text[] NOT NULL DEFAULT '{}',
    event_id            ident,
    end_time            timestamptz,                    -- NULL is unknown, never a default (XD-4)
    tick                unit_price NOT NULL CHECK (tick > 0),
    min_size            share_count NOT NULL,
    fee_rate            numeric(20, 6) NOT NULL CHECK (fee_rate >= 0),
    fee_exponent        int NOT NULL CHECK (fee_exponent >= 0),
    fee_taker_only      boolean NOT NULL,
    neg_risk            boolean NOT NULL,
    augmented_neg_risk  boolean NOT NULL,
    protocol            text NOT NULL CHECK (protocol IN ('v1', 'v2')),
    active              boolean NOT NULL,
    closed              boolean NOT NULL,
    accepting_orders    boolean NOT NULL,
    resolution_status   text,
    changed_at          timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX markets_by_event ON markets (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX markets_tradeable ON markets (end_time, condition_id)
    WHERE active AND NOT closed AND accepting_orders;

CREATE INDEX markets_by_change ON markets (changed_at);

CREATE TABLE tokens (
    token_id            ident PRIMARY KEY,              -- one market per token, for ever (Q6)
    condition_id        ident NOT NULL REFERENCES markets,
    outcome             ident NOT NULL,
    outcome_index       int NOT NULL CHECK (outcome_index >= 0),
    UNIQUE (condition_id, outcome_index)
);

CREATE FUNCTION refuse_other_market() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.condition_id <> old.condition_id OR new.token_id <> old.token_id THEN
        RAISE EXCEPTION 'expected token % to stay in market %, was moved to %',
            old.token_id, old.condition_id, new.condition_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER tokens_stay BEFORE UPDATE ON tokens
    FOR EACH ROW EXECUTE FUNCTION refuse_other_market();

CREATE FUNCTION tell_catalogue_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('markets', '');  -- one per transaction: the server folds equal payloads
    RETURN NULL;
END $$;
CREATE TRIGGER markets_told AFTER INSERT OR UPDATE ON markets
    FOR EACH STATEMENT EXECUTE FUNCTION tell_catalogue_changed();

CREATE TABLE scores (
    score_id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    condition_id        ident NOT NULL,
    token_id            ident NOT NULL,
    provider            ident NOT NULL,
    version             ident NOT NULL,
    value               numeric(20, 6) NOT NULL CHECK (value BETWEEN 0 AND 1),
    scored_at           timestamptz NOT NULL,
    UNIQUE (token_id, provider, version, scored_at)
);

CREATE INDEX scores_latest ON scores (token_id, provider, scored_at DESC);

CREATE TABLE blocks (
    condition_id        ident PRIMARY KEY,
    who                 ident NOT NULL,
    why                 text NOT NULL,
    blocked_at          timestamptz NOT NULL
);

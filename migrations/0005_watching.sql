-- What was decided, watched, asked, told and done.

CREATE TABLE decisions (
    decision_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workflow_id     ident,
    run_id          ident,
    seq             int NOT NULL,
    mode            trade_mode NOT NULL,
    condition_id    ident NOT NULL,
    token_id        ident NOT NULL,
    threshold       unit_price NOT NULL,
    stage           text NOT NULL CHECK (stage IN (
                        'ingest', 'screening', 'watching', 'approval', 'entry', 'exit')),
    verdict         text NOT NULL CHECK (verdict IN ('enter', 'watch', 'hold', 'ignore')),
    reason          text NOT NULL,
    filter          text NOT NULL,
    values          jsonb NOT NULL,
    strategy        text NOT NULL,
    strategy_version text NOT NULL,
    limit_price     unit_price,
    stake           usd_amount CHECK (stake >= 0),
    score           text,
    book            jsonb,
    settings_hash   text NOT NULL,
    at              timestamptz NOT NULL
);
CREATE UNIQUE INDEX decisions_once ON decisions (workflow_id, run_id, stage, seq)
    WHERE workflow_id IS NOT NULL AND run_id IS NOT NULL;
CREATE INDEX decisions_by_condition ON decisions (condition_id, at DESC);
CREATE INDEX decisions_by_time ON decisions (at);

-- Touches that started no trade: too old when they could be sent, or never seen in full.
CREATE TABLE touches (
    touch_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mode            trade_mode NOT NULL,
    condition_id    ident NOT NULL,
    token_id        ident NOT NULL,
    threshold       unit_price NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('missed', 'unseen')),
    price           unit_price,
    venue_time      timestamptz,
    seen_at         timestamptz NOT NULL,
    epoch           int NOT NULL,
    reason          text NOT NULL,
    UNIQUE NULLS NOT DISTINCT (mode, token_id, threshold, kind, venue_time, epoch)
);
CREATE INDEX touches_by_time ON touches (seen_at);
CREATE INDEX touches_by_condition ON touches (condition_id);

CREATE TABLE levels (
    workflow_id     ident NOT NULL,
    mode            trade_mode NOT NULL,
    token_id        ident NOT NULL,
    above           unit_price,                     -- signal when the bid is at or above
    below           unit_price,                     -- signal when the bid is at or below
    set_at          timestamptz NOT NULL,
    PRIMARY KEY (workflow_id, mode)
);
CREATE FUNCTION tell_levels() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('levels', coalesce(new.token_id, old.token_id));
    RETURN NULL;
END $$;
CREATE TRIGGER levels_told AFTER INSERT OR UPDATE OR DELETE ON levels
    FOR EACH ROW EXECUTE FUNCTION tell_levels();

CREATE TABLE approvals (
    workflow_id     ident NOT NULL,
    run_id          ident NOT NULL,
    mode            trade_mode NOT NULL,
    condition_id    ident NOT NULL,
    token_id        ident NOT NULL,
    question        text NOT NULL,
    price           unit_price NOT NULL,
    max_price       unit_price NOT NULL,
    stake           usd_amount NOT NULL CHECK (stake >= 0),
    asked_at        timestamptz NOT NULL,
    deadline        timestamptz NOT NULL,
    state           text NOT NULL DEFAULT 'pending'
                        CHECK (state IN ('pending', 'approved', 'rejected', 'expired')),
    who             text,
    why             text NOT NULL DEFAULT '',
    answered_at     timestamptz,
    PRIMARY KEY (workflow_id, run_id),
    CHECK ((state = 'pending') = (answered_at IS NULL))
);
CREATE INDEX approvals_pending ON approvals (mode, deadline) WHERE state = 'pending';

-- The gate lets one alert per key through in each cool-down, whoever raises it (MON-M3).
CREATE TABLE alert_gates (
    key             ident PRIMARY KEY,
    last_at         timestamptz NOT NULL,
    suppressed      int NOT NULL DEFAULT 0
);
CREATE TABLE alerts (
    alert_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key             ident NOT NULL,
    mode            trade_mode,
    priority        text NOT NULL CHECK (priority IN ('low', 'normal', 'high')),
    title           text NOT NULL,
    text            text NOT NULL,
    suppressed      int NOT NULL,                   -- how many the gate held back before
    raised_at       timestamptz NOT NULL,
    state           text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'dead')),
    attempts        int NOT NULL DEFAULT 0,
    next_at         timestamptz NOT NULL,
    sent_at         timestamptz,
    error           text NOT NULL DEFAULT '',
    seen_by         text                            -- who acknowledged it
);
CREATE INDEX alerts_due ON alerts (next_at) WHERE state = 'queued';
CREATE INDEX alerts_by_time ON alerts (raised_at);

CREATE TABLE heartbeats (
    process         ident NOT NULL,
    instance        ident NOT NULL,
    at              timestamptz NOT NULL,
    detail          jsonb NOT NULL,
    PRIMARY KEY (process, instance)
);

CREATE TABLE sync_runs (
    sync_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_key         ident NOT NULL UNIQUE,          -- of the run, so that a retry is one row
    mode            trade_mode NOT NULL,
    kind            ident NOT NULL,
    dry_run         boolean NOT NULL,
    started_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    outcome         text CHECK (outcome IN ('clean', 'repaired', 'refused', 'failed')),
    counts          jsonb NOT NULL DEFAULT '{}',
    differences     jsonb NOT NULL DEFAULT '[]',
    CHECK ((ended_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX sync_runs_by_time ON sync_runs (mode, started_at DESC);

CREATE TABLE audit (
    audit_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at              timestamptz NOT NULL,
    who             ident NOT NULL,
    what            ident NOT NULL,
    target          text NOT NULL,
    why             text NOT NULL,
    result          text NOT NULL,
    detail          jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_by_time ON audit (at DESC);
CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'expected audit rows to stay as written, was %', TG_OP
        USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();

CREATE TABLE tape_trades (
    condition_id    ident NOT NULL,
    trade_id        ident NOT NULL,
    token_id        ident NOT NULL,
    side            text NOT NULL CHECK (side IN ('BUY', 'SELL')),
    price           unit_price NOT NULL,
    size            share_count NOT NULL,
    at              timestamptz NOT NULL,
    PRIMARY KEY (condition_id, trade_id)
);
CREATE INDEX tape_trades_by_time ON tape_trades (condition_id, at);

CREATE TABLE watermarks (
    kind            ident NOT NULL,
    key             ident NOT NULL,
    at              timestamptz NOT NULL,
    PRIMARY KEY (kind, key)
);

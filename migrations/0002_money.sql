-- Claims, orders, money. Lock order of every writer: claim, order, fill, position, account last.

CREATE TABLE account (
    mode            trade_mode PRIMARY KEY,
    balance         usd_amount CHECK (balance >= 0),        -- the venue's word; NULL is unknown
    balance_at      timestamptz,                            -- taken before the venue was asked
    halt            text NOT NULL DEFAULT 'active' CHECK (halt IN ('active', 'reducing', 'halted')),
    halt_why        text NOT NULL DEFAULT '',
    halt_at         timestamptz,
    -- Running totals; `account_drift` compares them with the rows they sum.
    reserved        usd_amount NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    fee_reserved    usd_amount NOT NULL DEFAULT 0 CHECK (fee_reserved >= 0),
    position_cost   usd_amount NOT NULL DEFAULT 0 CHECK (position_cost >= 0),
    unsettled       usd_amount NOT NULL DEFAULT 0 CHECK (unsettled >= 0),
    open_slots      int NOT NULL DEFAULT 0 CHECK (open_slots >= 0),
    today           date NOT NULL DEFAULT '2000-01-01',     -- UTC day of today_profit
    today_profit    usd_amount NOT NULL DEFAULT 0
) WITH (fillfactor = 10);                                   -- room for in-page updates
INSERT INTO account (mode) VALUES ('paper'), ('live');

CREATE TABLE claims (
    mode            trade_mode NOT NULL REFERENCES account,
    condition_id    ident NOT NULL,
    threshold       unit_price NOT NULL,
    workflow_id     ident NOT NULL,
    owner_run       ident NOT NULL,
    state           text NOT NULL CHECK (state IN ('claimed', 'entered', 'declined', 'released')),
    reason          text NOT NULL DEFAULT '',
    retry_after     timestamptz,
    slot            boolean NOT NULL DEFAULT false,         -- counts against max_positions
    attempt_base    int NOT NULL DEFAULT 0,                 -- entry attempts of earlier runs
    token_id        ident NOT NULL,
    outcome         ident NOT NULL,
    outcome_index   int NOT NULL,
    price           unit_price NOT NULL,
    size            share_count,                            -- NULL is unknown (STR-M1)
    source          text NOT NULL CHECK (source IN ('trade', 'quote', 'backfill')),
    venue_time      timestamptz NOT NULL,
    seen_at         timestamptz NOT NULL,
    epoch           int NOT NULL DEFAULT 0,
    question        text NOT NULL DEFAULT '',
    slug            text NOT NULL DEFAULT '',
    event_id        ident,
    claimed_at      timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    PRIMARY KEY (mode, condition_id, threshold),            -- G2, STO-H1: one trade per touch
    UNIQUE (workflow_id, mode),
    CHECK (NOT slot OR state IN ('claimed', 'entered'))
);
CREATE INDEX claims_by_state ON claims (mode, state, changed_at);
CREATE INDEX claims_by_time ON claims (seen_at);

CREATE FUNCTION refuse_leaving_entered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'expected claim % to stay entered, was set to %', old.workflow_id, new.state
        USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER claims_entered_stays BEFORE UPDATE OF state ON claims
    FOR EACH ROW WHEN (old.state = 'entered' AND new.state <> 'entered')
    EXECUTE FUNCTION refuse_leaving_entered();

CREATE TABLE orders (
    order_id        ident PRIMARY KEY,                      -- the hash, hence the venue's id
    mode            trade_mode NOT NULL,
    workflow_id     ident NOT NULL,
    run_id          ident NOT NULL,
    leg             text NOT NULL CHECK (leg IN ('entry', 'exit')),
    attempt         int NOT NULL CHECK (attempt >= 0),
    condition_id    ident NOT NULL,
    token_id        ident NOT NULL,
    event_id        ident,
    side            text NOT NULL CHECK (side IN ('BUY', 'SELL')),
    tif             text NOT NULL CHECK (tif IN ('FAK', 'FOK', 'GTC', 'GTD')),
    limit_price     unit_price NOT NULL CHECK (limit_price > 0 AND limit_price < 1),
    shares          share_count NOT NULL CHECK (shares > 0),
    funds           usd_amount NOT NULL CHECK (funds >= 0),
    tick            unit_price NOT NULL,
    neg_risk        boolean NOT NULL,
    expires_at      timestamptz,
    post_before     timestamptz NOT NULL,
    settings_hash   text NOT NULL DEFAULT '',
    body            text NOT NULL,                          -- '' only for an adopted order
    maker_amount    numeric(20, 6) NOT NULL CHECK (maker_amount >= 0),
    taker_amount    numeric(20, 6) NOT NULL CHECK (taker_amount >= 0),
    signed_at       timestamptz NOT NULL,
    adopted         boolean NOT NULL DEFAULT false,
    status          text NOT NULL DEFAULT 'prepared' CHECK (status IN (
                        'prepared', 'unknown', 'live', 'partial',
                        'filled', 'cancelled', 'killed', 'refused', 'expired')),
    filled          share_count NOT NULL DEFAULT 0,         -- may exceed shares: price improvement
    first_posted_at timestamptz,
    posts           int NOT NULL DEFAULT 0,
    answers         int NOT NULL DEFAULT 0 CHECK (answers <= posts),
    last_posted_at  timestamptz,
    matched         share_count,                            -- what the post's answer said; NULL: nothing
    landing         text CHECK (landing IN ('landed', 'killed', 'refused', 'not_ready', 'unknown')),
    venue_text      text NOT NULL DEFAULT '',
    evidence        text NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL,
    closed_at       timestamptz,
    reason          text NOT NULL DEFAULT '',               -- why an exit was placed
    unexplained     usd_amount NOT NULL DEFAULT 0           -- said to be filled, fills not seen yet
                        CHECK (unexplained >= 0),
    UNIQUE (workflow_id, mode, leg, attempt),               -- one signature per intent
    FOREIGN KEY (workflow_id, mode) REFERENCES claims (workflow_id, mode),
    CHECK ((side = 'BUY') = (leg = 'entry')),               -- long only (EXE-M2)
    CHECK (adopted OR body <> ''),
    CHECK ((closed_at IS NOT NULL) =
           (status IN ('filled', 'cancelled', 'killed', 'refused', 'expired')))
) WITH (fillfactor = 80);
CREATE INDEX orders_open ON orders (mode, created_at) WHERE closed_at IS NULL;
CREATE INDEX orders_unexplained ON orders (mode) WHERE unexplained > 0;
CREATE INDEX orders_by_time ON orders (mode, created_at);
CREATE INDEX orders_by_condition ON orders (condition_id);

CREATE TABLE reservations (
    order_id        ident PRIMARY KEY REFERENCES orders,
    mode            trade_mode NOT NULL,
    workflow_id     ident NOT NULL,
    condition_id    ident NOT NULL,
    event_id        ident,
    limit_price     unit_price NOT NULL,
    shares          share_count NOT NULL CHECK (shares > 0),
    unfilled        share_count NOT NULL CHECK (unfilled <= shares),
    fee_full        usd_amount NOT NULL CHECK (fee_full >= 0),
    -- The invariant of EXE-H2 as a column: limit x unfilled, up to the next micro-dollar.
    amount          usd_amount NOT NULL GENERATED ALWAYS AS
                        (ceil(limit_price * unfilled * 1000000) / 1000000) STORED,
    fee_allowance   usd_amount NOT NULL GENERATED ALWAYS AS
                        (ceil(fee_full * unfilled / shares * 1000000) / 1000000) STORED
);
CREATE INDEX reservations_by_condition ON reservations (mode, condition_id);
CREATE INDEX reservations_by_event ON reservations (mode, event_id);
CREATE INDEX reservations_by_workflow ON reservations (workflow_id, mode);

CREATE TABLE fills (
    trade_id        ident NOT NULL,
    order_id        ident NOT NULL REFERENCES orders,
    mode            trade_mode NOT NULL,
    workflow_id     ident NOT NULL,
    token_id        ident NOT NULL,
    side            text NOT NULL CHECK (side IN ('BUY', 'SELL')),
    price           unit_price NOT NULL,
    shares          share_count NOT NULL CHECK (shares > 0),
    fee             usd_amount NOT NULL CHECK (fee >= 0),
    cash            usd_amount NOT NULL CHECK (cash >= 0),  -- price x shares, without the fee
    status          text NOT NULL CHECK (status IN (
                        'matched', 'mined', 'retrying', 'confirmed', 'failed')),
    matched_at      timestamptz NOT NULL,
    maker           boolean NOT NULL,
    seen_at         timestamptz NOT NULL,
    settled_at      timestamptz,                            -- when we learned CONFIRMED or FAILED
    cash_pending    boolean NOT NULL,                       -- spent, perhaps not yet in the balance
    PRIMARY KEY (trade_id, order_id),                       -- applied once (XD-10)
    CHECK ((settled_at IS NOT NULL) = (status IN ('confirmed', 'failed'))),
    CHECK (NOT cash_pending OR (side = 'BUY' AND status <> 'failed'))
);
CREATE INDEX fills_by_order ON fills (order_id);
CREATE INDEX fills_by_workflow ON fills (workflow_id, mode);
CREATE INDEX fills_pending ON fills (mode) WHERE cash_pending;
CREATE INDEX fills_unsettled ON fills (mode, matched_at) WHERE settled_at IS NULL;
CREATE INDEX fills_by_time ON fills (mode, matched_at);

CREATE TABLE positions (
    workflow_id     ident NOT NULL,
    mode            trade_mode NOT NULL,
    condition_id    ident NOT NULL,
    token_id        ident NOT NULL,
    event_id        ident,
    shares          share_count NOT NULL,                   -- held: matched and not failed
    shares_confirmed numeric(20, 6) NOT NULL,               -- buys minus sells, final ones only
    cost            usd_amount NOT NULL CHECK (cost >= 0),  -- of the shares held, without fees
    cost_known      boolean NOT NULL,
    fees            usd_amount NOT NULL CHECK (fees >= 0),
    realised        usd_amount NOT NULL,                    -- gross, of what was sold
    bought          share_count NOT NULL,
    sold            share_count NOT NULL,
    oversold        share_count NOT NULL,                   -- sold beyond what we know we held
    state           text NOT NULL CHECK (state IN ('open', 'unmanaged', 'closed', 'resolved')),
    age_source      text NOT NULL CHECK (age_source IN ('bot', 'actual', 'unknown')),
    hold_policy     text NOT NULL CHECK (hold_policy IN ('new', 'mature', 'actual')),
    opened_at       timestamptz,                            -- NULL is unknown (G10)
    closed_at       timestamptz,
    payout          unit_price,
    misses          int NOT NULL DEFAULT 0 CHECK (misses >= 0),
    created_at      timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    exposure        usd_amount NOT NULL GENERATED ALWAYS AS (
                        CASE WHEN state NOT IN ('open', 'unmanaged') THEN 0
                             WHEN cost_known THEN cost
                             ELSE shares END) STORED,       -- unknown cost counts a dollar a share
    PRIMARY KEY (workflow_id, mode),
    FOREIGN KEY (workflow_id, mode) REFERENCES claims (workflow_id, mode),
    CHECK ((state IN ('closed', 'resolved')) = (shares = 0)),
    CHECK ((state IN ('closed', 'resolved')) = (closed_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX positions_open ON positions (mode, created_at) WHERE state IN ('open', 'unmanaged');
CREATE INDEX positions_open_by_condition ON positions (mode, condition_id)
    WHERE state IN ('open', 'unmanaged');
CREATE INDEX positions_open_by_event ON positions (mode, event_id)
    WHERE state IN ('open', 'unmanaged');
CREATE INDEX positions_open_by_token ON positions (mode, token_id)
    WHERE state IN ('open', 'unmanaged');

-- Changes of a position that no fill of ours explains: adoption, sales elsewhere, transfers.
CREATE TABLE adjustments (
    adjustment_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workflow_id     ident NOT NULL,
    mode            trade_mode NOT NULL,
    shares          numeric(20, 6) NOT NULL CHECK (shares <> 0),  -- negative takes away
    cost            usd_amount CHECK (cost >= 0),           -- NULL is unknown
    cause           ident NOT NULL,
    at              timestamptz NOT NULL,
    FOREIGN KEY (workflow_id, mode) REFERENCES claims (workflow_id, mode),
    UNIQUE (workflow_id, mode, cause, at)
);

-- How a trade ended: one row, the source of its final exit (XD-3).
CREATE TABLE settlements (
    workflow_id     ident NOT NULL,
    mode            trade_mode NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('resolution', 'external')),
    payout          unit_price,                             -- per share; NULL is unknown
    proceeds        usd_amount CHECK (proceeds >= 0),       -- what really came; NULL: payout x shares
    reason          text NOT NULL,
    at              timestamptz NOT NULL,
    PRIMARY KEY (workflow_id, mode),
    FOREIGN KEY (workflow_id, mode) REFERENCES claims (workflow_id, mode)
);

CREATE TABLE exits (
    exit_id         ident PRIMARY KEY,                      -- SELL order id, or end:<mode>:<trade>
    mode            trade_mode NOT NULL,
    workflow_id     ident NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('sale', 'adjustment', 'resolution', 'external')),
    final           boolean NOT NULL,                       -- closed the position
    shares          share_count NOT NULL,
    cost            usd_amount NOT NULL CHECK (cost >= 0),
    proceeds        usd_amount CHECK (proceeds >= 0),       -- NULL is unknown
    fees            usd_amount NOT NULL CHECK (fees >= 0),  -- of the entry, in part, and of the exit
    profit          usd_amount,                             -- net; NULL is unknown
    reason          text NOT NULL,
    at              timestamptz NOT NULL,
    FOREIGN KEY (workflow_id, mode) REFERENCES positions (workflow_id, mode)
);
CREATE UNIQUE INDEX exits_one_final ON exits (workflow_id, mode) WHERE final;
CREATE INDEX exits_by_workflow ON exits (workflow_id, mode);
CREATE INDEX exits_by_time ON exits (mode, at);

CREATE TABLE daily_results (
    mode            trade_mode NOT NULL,
    day             date NOT NULL,                          -- UTC
    profit          usd_amount NOT NULL,
    fees            usd_amount NOT NULL,
    exits           int NOT NULL,
    unknown         int NOT NULL,                           -- exits whose profit is not known
    PRIMARY KEY (mode, day)
);

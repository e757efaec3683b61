-- Races that a reading before a lock left open, and an index for reconciliation.

-- End an order on the venue's proof, if no post left since the proof was judged: `judged` is the
-- number of posts it knew of (NULL: does not matter). One that was counted meanwhile may still
-- arrive at the venue, so the order stays open and is judged again. Never reopens.
CREATE FUNCTION close_judged(
    oid text, new_status text, proof text, at timestamptz, judged int
) RETURNS SETOF orders LANGUAGE plpgsql AS $$
DECLARE
    o orders;
BEGIN
    SELECT * INTO o FROM orders WHERE order_id = oid;
    IF o.order_id IS NULL THEN
        RETURN;
    END IF;
    PERFORM 1 FROM claims c WHERE c.workflow_id = o.workflow_id AND c.mode = o.mode
        FOR NO KEY UPDATE;
    UPDATE orders SET status = new_status, evidence = proof, closed_at = at,
            -- "Filled" says the money went out. Where fills are missing it stays spent until
            -- the venue reports a balance that is younger than this.
            unexplained = CASE WHEN new_status = 'filled' AND side = 'BUY'
                THEN ceil(limit_price * greatest(shares - filled, 0) * 1000000) / 1000000
                ELSE 0 END
        WHERE order_id = oid AND closed_at IS NULL AND (judged IS NULL OR posts = judged);
    IF FOUND THEN
        DELETE FROM reservations WHERE order_id = oid;
        PERFORM refresh_slot(o.workflow_id, o.mode);
    END IF;
    RETURN QUERY SELECT * FROM orders WHERE order_id = oid;
END $$;

CREATE OR REPLACE FUNCTION close_order(oid text, new_status text, proof text, at timestamptz)
RETURNS SETOF orders LANGUAGE sql AS $$
    SELECT * FROM close_judged(oid, new_status, proof, at, NULL)
$$;

-- A SELL belongs to the run that owns the trade: a run that was terminated and replaced may still
-- have an attempt under way. The claim row is locked by the caller.
CREATE OR REPLACE FUNCTION check_sell(
    intent orders, OUT refused_by text, OUT value numeric, OUT maximum numeric
) LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM claims c WHERE c.workflow_id = intent.workflow_id
            AND c.mode = intent.mode AND c.state = 'entered' AND c.owner_run = intent.run_id) THEN
        refused_by := 'claim'; RETURN;
    END IF;
    IF (SELECT halt FROM account WHERE mode = intent.mode) = 'halted' THEN
        refused_by := 'halted'; RETURN;
    END IF;
    value := intent.shares;
    maximum := coalesce((SELECT p.shares FROM positions p WHERE p.workflow_id = intent.workflow_id
            AND p.mode = intent.mode AND p.token_id = intent.token_id), 0)
        - coalesce((SELECT sum(greatest(o.shares - o.filled, 0)) FROM orders o
            WHERE o.workflow_id = intent.workflow_id AND o.mode = intent.mode
              AND o.side = 'SELL' AND o.closed_at IS NULL AND o.order_id <> intent.order_id), 0);
    IF value > maximum THEN
        refused_by := 'held'; RETURN;
    END IF;
    value := NULL;
    maximum := NULL;
END $$;

-- Below the last rung of the balance ladder nothing is bought (Q10), whatever the reserve floor.
CREATE OR REPLACE FUNCTION promise(
    intent orders, rules jsonb, at timestamptz, has_slot boolean,
    OUT refused_by text, OUT value numeric, OUT maximum numeric
) LANGUAGE plpgsql AS $$
DECLARE
    cost    numeric := ceil(intent.limit_price * intent.shares * 1000000) / 1000000;
    fee     numeric := greatest(intent.funds - intent.limit_price * intent.shares, 0);
    floor   numeric := rules->>'reserve_floor';
    slots   int := CASE WHEN has_slot THEN 0 ELSE 1 END;
    stop    numeric := coalesce((rules->>'stop_below')::numeric, 0);
    oldest  timestamptz := at - (rules->>'max_balance_age')::interval;
    a       account;
BEGIN
    PERFORM pg_advisory_xact_lock(1, hashtext(intent.mode || intent.condition_id));
    -- Written out, not called: a function with a query in it is planned anew in every call.
    value := cost
        + coalesce((SELECT sum(r.amount) FROM reservations r
               WHERE r.mode = intent.mode AND r.condition_id = intent.condition_id), 0)
        + coalesce((SELECT sum(p.exposure) FROM positions p
               WHERE p.mode = intent.mode AND p.condition_id = intent.condition_id
                 AND p.state IN ('open', 'unmanaged')), 0);
    maximum := (rules->>'max_per_market')::numeric;
    IF value > maximum THEN
        refused_by := 'max_per_market'; RETURN;
    END IF;
    IF intent.event_id IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(2, hashtext(intent.mode || intent.event_id));
        value := cost
            + coalesce((SELECT sum(r.amount) FROM reservations r
                   WHERE r.mode = intent.mode AND r.event_id = intent.event_id), 0)
            + coalesce((SELECT sum(p.exposure) FROM positions p
                   WHERE p.mode = intent.mode AND p.event_id = intent.event_id
                     AND p.state IN ('open', 'unmanaged')), 0);
        maximum := (rules->>'max_per_event')::numeric;
        IF value > maximum THEN
            refused_by := 'max_per_event'; RETURN;
        END IF;
    END IF;
    INSERT INTO reservations (order_id, mode, workflow_id, condition_id, event_id, limit_price,
        shares, unfilled, fee_full)
    VALUES (intent.order_id, intent.mode, intent.workflow_id, intent.condition_id,
        intent.event_id, intent.limit_price, intent.shares, intent.shares, fee)
    RETURNING amount, fee_allowance INTO cost, fee;
    IF NOT has_slot THEN
        UPDATE claims c SET slot = true
            WHERE c.workflow_id = intent.workflow_id AND c.mode = intent.mode;
    END IF;
    value := NULL;
    maximum := NULL;
    UPDATE account b SET reserved = b.reserved + cost, fee_reserved = b.fee_reserved + fee,
            open_slots = b.open_slots + slots
        WHERE b.mode = intent.mode AND b.halt = 'active' AND b.balance_at >= oldest
          AND b.balance >= stop
          AND b.open_slots + slots <= (rules->>'max_positions')::int
          AND b.reserved + b.position_cost + cost <= (rules->>'max_total')::numeric
          AND (b.today < (at AT TIME ZONE 'UTC')::date OR b.today_profit >= 0
               OR -b.today_profit < (rules->>'max_daily_loss')::numeric)
          AND b.balance - b.unsettled - b.reserved - b.fee_reserved - floor >= cost + fee;
    IF FOUND THEN
        RETURN;
    END IF;
    -- Now say why. The lock makes sure that we judge one state of the account.
    SELECT * INTO a FROM account b WHERE b.mode = intent.mode FOR NO KEY UPDATE;
    SELECT r.refused_by, r.value, r.maximum INTO refused_by, value, maximum
        FROM explain_refusal(a, cost, fee, slots, rules, at) r;
END $$;

CREATE OR REPLACE FUNCTION explain_refusal(
    a account, cost numeric, fee numeric, slots int, rules jsonb, at timestamptz,
    OUT refused_by text, OUT value numeric, OUT maximum numeric
) LANGUAGE plpgsql AS $$
BEGIN
    IF a.halt <> 'active' THEN
        refused_by := a.halt; RETURN;
    ELSIF a.balance IS NULL OR a.balance_at IS NULL THEN
        refused_by := 'balance_unknown'; RETURN;
    END IF;
    value := extract(epoch FROM at - a.balance_at);
    maximum := extract(epoch FROM (rules->>'max_balance_age')::interval);
    IF value > maximum THEN
        refused_by := 'balance_stale'; RETURN;
    END IF;
    value := a.balance;
    maximum := coalesce((rules->>'stop_below')::numeric, 0);
    IF value < maximum THEN
        refused_by := 'stop_below'; RETURN;
    END IF;
    value := a.open_slots + slots;
    maximum := (rules->>'max_positions')::int;
    IF value > maximum THEN
        refused_by := 'max_positions'; RETURN;
    END IF;
    value := a.reserved + a.position_cost + cost;
    maximum := (rules->>'max_total')::numeric;
    IF value > maximum THEN
        refused_by := 'max_total'; RETURN;
    END IF;
    value := CASE WHEN a.today < (at AT TIME ZONE 'UTC')::date THEN 0 ELSE -a.today_profit END;
    maximum := (rules->>'max_daily_loss')::numeric;
    IF value > 0 AND value >= maximum THEN
        refused_by := 'max_daily_loss'; RETURN;
    END IF;
    value := cost + fee;
    maximum := greatest(a.balance - a.unsettled - a.reserved - a.fee_reserved
        - (rules->>'reserve_floor')::numeric, 0);
    refused_by := CASE WHEN value > maximum THEN 'funds' ELSE 'contended' END;
END $$;

-- Left to a person for good, perhaps with an order whose fate nobody knows yet: what still comes
-- of it is unmanaged, and the touch is never given back.
ALTER TABLE claims ADD COLUMN abandoned_at timestamptz;

-- When an adopted order, which is not ours to cancel, was first missing from the venue's lists.
ALTER TABLE orders ADD COLUMN absent_at timestamptz;

-- Tokens that lost: their shares stay in the wallet for ever and are no difference.
CREATE INDEX positions_worthless ON positions (mode, token_id) WHERE payout = 0;
DROP FUNCTION at_work_in_market(text, text);
DROP FUNCTION at_work_in_event(text, text);

-- A claim changes a few times in its life (slot, state): room beside it spares all its indexes.
ALTER TABLE claims SET (fillfactor = 70);

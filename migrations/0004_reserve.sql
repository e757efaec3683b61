-- The reserving transaction, and the booking of what follows from it.

-- Store a signed order and, for a BUY, promise its money; or refuse and keep nothing.
--
-- `o` has the columns of `orders`, `rules` the keys of RiskRules. Answers `stored`, `existing`
-- (the intent was stored before: the new signature is forgotten) or `refused` with the limit.
--
-- The account row is locked for a few reads and two writes only. Its transaction commits without
-- waiting for the disk, so that the next reserver goes on; the second transaction then waits for
-- the disk for both, in a group with its neighbours. The caller has no answer before that, so
-- nothing is ever posted that a crash could forget.
CREATE PROCEDURE reserve_order(
    o jsonb, rules jsonb, at timestamptz,
    INOUT outcome text, INOUT refused_by text, INOUT value numeric, INOUT maximum numeric
) LANGUAGE plpgsql AS $$
DECLARE
    intent  orders;
    claim   record;
BEGIN
    SET LOCAL synchronous_commit = off;
    intent := jsonb_populate_record(NULL::orders, o);
    SELECT state, owner_run, slot INTO claim FROM claims c
        WHERE c.workflow_id = intent.workflow_id AND c.mode = intent.mode FOR NO KEY UPDATE;
    INSERT INTO orders SELECT intent.* WHERE claim.state IS NOT NULL
        ON CONFLICT (workflow_id, mode, leg, attempt) DO NOTHING;
    IF NOT FOUND AND claim.state IS NOT NULL THEN
        outcome := 'existing';
        RETURN;
    END IF;
    IF claim.state IS NULL THEN
        refused_by := 'claim';
    ELSIF intent.side = 'SELL' THEN
        SELECT r.refused_by, r.value, r.maximum INTO refused_by, value, maximum
            FROM check_sell(intent) r;
    ELSIF claim.owner_run <> intent.run_id OR claim.state NOT IN ('claimed', 'entered') THEN
        refused_by := 'claim';
    ELSE
        SELECT r.refused_by, r.value, r.maximum INTO refused_by, value, maximum
            FROM check_buy(intent, rules, at, claim.slot) r;
        IF refused_by IS NULL THEN
            INSERT INTO reservations (order_id, mode, workflow_id, condition_id, event_id,
                limit_price, shares, unfilled, fee_full)
            VALUES (intent.order_id, intent.mode, intent.workflow_id, intent.condition_id,
                intent.event_id, intent.limit_price, intent.shares, intent.shares,
                greatest(intent.funds - intent.limit_price * intent.shares, 0));
            IF NOT claim.slot THEN
                UPDATE claims c SET slot = true
                    WHERE c.workflow_id = intent.workflow_id AND c.mode = intent.mode;
            END IF;
        END IF;
    END IF;
    IF refused_by IS NOT NULL THEN
        ROLLBACK;
        outcome := 'refused';
        RETURN;
    END IF;
    outcome := 'stored';
    COMMIT;
    PERFORM pg_logical_emit_message(true, 'touchline', '');
END $$;

-- Every cap of a BUY, under the account's lock. Sums per market and event are short index reads;
-- totals are columns of the locked row. Each statement sees what committed before the lock came.
CREATE FUNCTION check_buy(
    intent orders, rules jsonb, at timestamptz, has_slot boolean,
    OUT refused_by text, OUT value numeric, OUT maximum numeric
) LANGUAGE plpgsql AS $$
DECLARE
    a       account;
    amount  numeric := ceil(intent.limit_price * intent.shares * 1000000) / 1000000;
    funds   numeric := greatest(intent.funds, amount);
BEGIN
    SELECT * INTO a FROM account WHERE mode = intent.mode FOR NO KEY UPDATE;
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
    value := a.open_slots + CASE WHEN has_slot THEN 0 ELSE 1 END;
    maximum := (rules->>'max_positions')::int;
    IF value > maximum THEN
        refused_by := 'max_positions'; RETURN;
    END IF;
    SELECT amount + coalesce((SELECT sum(r.amount) FROM reservations r
            WHERE r.mode = intent.mode AND r.condition_id = intent.condition_id), 0)
        + coalesce((SELECT sum(p.exposure) FROM positions p
            WHERE p.mode = intent.mode AND p.condition_id = intent.condition_id
              AND p.state IN ('open', 'unmanaged')), 0) INTO value;
    maximum := (rules->>'max_per_market')::numeric;
    IF value > maximum THEN
        refused_by := 'max_per_market'; RETURN;
    END IF;
    IF intent.event_id IS NOT NULL THEN
        SELECT amount + coalesce((SELECT sum(r.amount) FROM reservations r
                WHERE r.mode = intent.mode AND r.event_id = intent.event_id), 0)
            + coalesce((SELECT sum(p.exposure) FROM positions p
                WHERE p.mode = intent.mode AND p.event_id = intent.event_id
                  AND p.state IN ('open', 'unmanaged')), 0) INTO value;
        maximum := (rules->>'max_per_event')::numeric;
        IF value > maximum THEN
            refused_by := 'max_per_event'; RETURN;
        END IF;
    END IF;
    value := a.reserved + a.position_cost + amount;
    maximum := (rules->>'max_total')::numeric;
    IF value > maximum THEN
        refused_by := 'max_total'; RETURN;
    END IF;
    value := coalesce((SELECT -profit FROM daily_results d
        WHERE d.mode = intent.mode AND d.day = (at AT TIME ZONE 'UTC')::date), 0);
    maximum := (rules->>'max_daily_loss')::numeric;
    IF value > 0 AND value >= maximum THEN
        refused_by := 'max_daily_loss'; RETURN;
    END IF;
    value := funds;
    maximum := greatest(a.balance - a.unsettled - a.reserved - a.fee_reserved
        - (rules->>'reserve_floor')::numeric, 0);
    IF value > maximum THEN
        refused_by := 'funds'; RETURN;
    END IF;
    value := NULL;
    maximum := NULL;
END $$;

-- A SELL needs no money, but may not sell twice what one trade holds (XD-10). The claim row is
-- locked by the caller, so two exits of one trade come one after the other.
CREATE FUNCTION check_sell(
    intent orders, OUT refused_by text, OUT value numeric, OUT maximum numeric
) LANGUAGE plpgsql AS $$
BEGIN
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

-- A slot is held by a claim on its way in, an open buy or an open position.
CREATE FUNCTION refresh_slot(wf text, m text) RETURNS void LANGUAGE sql AS $$
    UPDATE claims c SET slot = s.slot FROM (
        SELECT (k.state = 'claimed' AND k.slot)
            OR EXISTS (SELECT 1 FROM reservations r WHERE r.workflow_id = wf AND r.mode = m)
            OR EXISTS (SELECT 1 FROM positions p WHERE p.workflow_id = wf AND p.mode = m
                       AND p.state IN ('open', 'unmanaged')) AS slot
        FROM claims k WHERE k.workflow_id = wf AND k.mode = m
    ) s WHERE c.workflow_id = wf AND c.mode = m AND c.slot <> s.slot
$$;

-- Write a position and its exits as the fold over its fills says. Idempotent.
CREATE FUNCTION book_position(pos jsonb, exit_rows jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    p positions := jsonb_populate_record(NULL::positions, pos);
BEGIN
    PERFORM 1 FROM account WHERE mode = p.mode FOR NO KEY UPDATE;
    INSERT INTO positions (workflow_id, mode, condition_id, token_id, event_id, shares,
        shares_confirmed, cost, cost_known, fees, realised, bought, sold, oversold, state,
        age_source, hold_policy, opened_at, closed_at, payout, misses, created_at, changed_at)
    VALUES (p.workflow_id, p.mode, p.condition_id, p.token_id, p.event_id, p.shares,
        p.shares_confirmed, p.cost, p.cost_known, p.fees, p.realised, p.bought, p.sold,
        p.oversold, p.state, p.age_source, p.hold_policy, p.opened_at, p.closed_at, p.payout,
        p.misses, p.created_at, p.changed_at)
    ON CONFLICT (workflow_id, mode) DO UPDATE SET shares = p.shares,
        shares_confirmed = p.shares_confirmed, cost = p.cost, cost_known = p.cost_known,
        fees = p.fees, realised = p.realised, bought = p.bought, sold = p.sold,
        oversold = p.oversold, state = p.state, opened_at = p.opened_at,
        closed_at = p.closed_at, payout = p.payout, misses = p.misses, changed_at = p.changed_at;
    DELETE FROM exits e WHERE e.workflow_id = p.workflow_id AND e.mode = p.mode
        AND e.exit_id NOT IN (SELECT x->>'exit_id' FROM jsonb_array_elements(exit_rows) x);
    UPDATE exits e SET final = false
        WHERE e.workflow_id = p.workflow_id AND e.mode = p.mode AND e.final;
    INSERT INTO exits SELECT x.* FROM jsonb_populate_recordset(NULL::exits, exit_rows) x
    ON CONFLICT (exit_id) DO UPDATE SET final = excluded.final, shares = excluded.shares,
        cost = excluded.cost, proceeds = excluded.proceeds, fees = excluded.fees,
        profit = excluded.profit, reason = excluded.reason, at = excluded.at;
    PERFORM refresh_slot(p.workflow_id, p.mode);
END $$;

-- Write one fill with everything that follows from it; the caller holds the claim's lock.
CREATE FUNCTION book_fill(f jsonb, new_filled numeric, pos jsonb, exit_rows jsonb, at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    fill fills := jsonb_populate_record(NULL::fills, f);
BEGIN
    PERFORM 1 FROM account WHERE mode = fill.mode FOR NO KEY UPDATE;
    INSERT INTO fills SELECT fill.*
        ON CONFLICT (trade_id, order_id) DO UPDATE SET status = fill.status,
            settled_at = fill.settled_at, cash_pending = fill.cash_pending;
    -- Fills alone never close an order: a FAK spends dollars and may still bring more shares.
    UPDATE orders o SET filled = new_filled,
            status = CASE WHEN o.closed_at IS NOT NULL THEN o.status
                          WHEN new_filled > 0 THEN 'partial'
                          WHEN o.status = 'partial' THEN 'live'
                          ELSE o.status END,
            unexplained = least(o.unexplained, ceil(o.limit_price
                * greatest(o.shares - new_filled, 0) * 1000000) / 1000000)
        WHERE o.order_id = fill.order_id;
    UPDATE reservations r SET unfilled = greatest(r.shares - new_filled, 0)
        WHERE r.order_id = fill.order_id;
    IF fill.side = 'BUY' AND fill.status <> 'failed' THEN
        UPDATE claims c SET state = 'entered', retry_after = NULL, changed_at = at
            WHERE c.workflow_id = fill.workflow_id AND c.mode = fill.mode
              AND c.state <> 'entered';
    END IF;
    PERFORM book_position(pos, exit_rows);
END $$;

-- End an order on the venue's proof: the rest of its promise is free. Never reopens.
CREATE FUNCTION close_order(oid text, new_status text, proof text, at timestamptz)
RETURNS SETOF orders LANGUAGE plpgsql AS $$
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
        WHERE order_id = oid AND closed_at IS NULL;
    IF FOUND THEN
        DELETE FROM reservations WHERE order_id = oid;
        PERFORM refresh_slot(o.workflow_id, o.mode);
    END IF;
    RETURN QUERY SELECT * FROM orders WHERE order_id = oid;
END $$;

-- Take in an order that the venue holds and we did not know; no cap applies to what is a fact.
CREATE FUNCTION adopt_order(o jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    taken orders := jsonb_populate_record(NULL::orders, o);
BEGIN
    INSERT INTO orders SELECT taken.* ON CONFLICT DO NOTHING;
    IF FOUND AND taken.side = 'BUY' THEN
        PERFORM 1 FROM account WHERE mode = taken.mode FOR NO KEY UPDATE;
        INSERT INTO reservations (order_id, mode, workflow_id, condition_id, event_id,
            limit_price, shares, unfilled, fee_full)
        VALUES (taken.order_id, taken.mode, taken.workflow_id, taken.condition_id,
            taken.event_id, taken.limit_price, taken.shares, taken.shares,
            greatest(taken.funds - taken.limit_price * taken.shares, 0));
        PERFORM refresh_slot(taken.workflow_id, taken.mode);
    END IF;
END $$;

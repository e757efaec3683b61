-- The reserving transaction, and the booking of what follows from it.

-- Store a signed order and, for a BUY, promise its money; or refuse and keep nothing.
--
-- `o` has the columns of `orders`, `rules` the keys of RiskRules. Answers `stored`, `existing`
-- (the intent was stored before: the new signature is forgotten) or `refused` with the limit.
--
-- Locks, in this order: the trade's claim; its market and its event, so that caps of those are
-- summed and raised by one reserver at a time; the account, last and for one statement only, in
-- which the remaining caps are checked and the totals raised. The transaction then commits without
-- waiting for the disk, and the next reserver goes on. A second, empty transaction waits for the
-- disk for both, in a group with its neighbours: the caller has no answer before its order is
-- durable, so nothing is ever posted that a crash could forget.
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
    IF claim.state IS NULL THEN
        refused_by := 'claim';
    ELSE
        INSERT INTO orders SELECT intent.*
            ON CONFLICT (workflow_id, mode, leg, attempt) DO NOTHING;
        IF NOT FOUND THEN
            outcome := 'existing';
            RETURN;
        END IF;
        IF intent.side = 'SELL' THEN
            SELECT r.refused_by, r.value, r.maximum INTO refused_by, value, maximum
                FROM check_sell(intent) r;
        ELSIF claim.owner_run <> intent.run_id OR NOT (claim.state = 'claimed'
                OR claim.state = 'entered' AND entered_by(intent)) THEN
            refused_by := 'claim';
        ELSE
            SELECT r.refused_by, r.value, r.maximum INTO refused_by, value, maximum
                FROM promise(intent, rules, at, claim.slot) r;
        END IF;
    END IF;
    IF refused_by IS NOT NULL THEN
        ROLLBACK;
        outcome := 'refused';
        RETURN;
    END IF;
    outcome := 'stored';
    COMMIT;
    PERFORM pg_logical_emit_message(true, 'touchline', '');  -- any WAL: this commit waits for it
END $$;

-- Did this very run enter the trade? A late fill of an earlier run may have: then it buys no more.
CREATE FUNCTION entered_by(intent orders) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM orders o
        WHERE o.workflow_id = intent.workflow_id AND o.mode = intent.mode AND o.leg = 'entry'
          AND o.run_id = intent.run_id AND o.token_id = intent.token_id
          AND EXISTS (SELECT 1 FROM fills f WHERE f.order_id = o.order_id))
$$;

-- Every cap of a BUY, then its reservation. Refused: the caller rolls back.
CREATE FUNCTION promise(
    intent orders, rules jsonb, at timestamptz, has_slot boolean,
    OUT refused_by text, OUT value numeric, OUT maximum numeric
) LANGUAGE plpgsql AS $$
DECLARE
    cost    numeric := ceil(intent.limit_price * intent.shares * 1000000) / 1000000;
    fee     numeric := greatest(intent.funds - intent.limit_price * intent.shares, 0);
    floor   numeric := rules->>'reserve_floor';
    slots   int := CASE WHEN has_slot THEN 0 ELSE 1 END;
    oldest  timestamptz := at - (rules->>'max_balance_age')::interval;
    a       account;
BEGIN
    PERFORM pg_advisory_xact_lock(1, hashtext(intent.mode || intent.condition_id));
    value := cost + at_work_in_market(intent.mode, intent.condition_id);
    maximum := (rules->>'max_per_market')::numeric;
    IF value > maximum THEN
        refused_by := 'max_per_market'; RETURN;
    END IF;
    IF intent.event_id IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(2, hashtext(intent.mode || intent.event_id));
        value := cost + at_work_in_event(intent.mode, intent.event_id);
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

-- Cost of what is held plus promises, in one market or one event: a few rows by index.
CREATE FUNCTION at_work_in_market(m text, key text) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT sum(amount) FROM reservations
               WHERE mode = m AND condition_id = key), 0)
         + coalesce((SELECT sum(exposure) FROM positions
               WHERE mode = m AND condition_id = key AND state IN ('open', 'unmanaged')), 0)
$$;
CREATE FUNCTION at_work_in_event(m text, key text) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT sum(amount) FROM reservations
               WHERE mode = m AND event_id = key), 0)
         + coalesce((SELECT sum(exposure) FROM positions
               WHERE mode = m AND event_id = key AND state IN ('open', 'unmanaged')), 0)
$$;

-- The same conditions as in `promise`, one by one. Always names one: an account that was freed
-- in between answers `contended`, and the caller asks again.
CREATE FUNCTION explain_refusal(
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
    WITH changed AS (
    UPDATE claims c SET slot = s.slot FROM (
        SELECT (k.state = 'claimed' AND k.slot)
            OR EXISTS (SELECT 1 FROM reservations r WHERE r.workflow_id = wf AND r.mode = m)
            OR EXISTS (SELECT 1 FROM positions p WHERE p.workflow_id = wf AND p.mode = m
                       AND p.state IN ('open', 'unmanaged')) AS slot
        FROM claims k WHERE k.workflow_id = wf AND k.mode = m
    ) s WHERE c.workflow_id = wf AND c.mode = m AND c.slot <> s.slot RETURNING c.slot
    )
    UPDATE account SET open_slots = open_slots + 1
        WHERE mode = m AND EXISTS (SELECT 1 FROM changed WHERE slot);  -- the way back: by trigger
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
        UPDATE account a SET reserved = a.reserved + r.amount,
                fee_reserved = a.fee_reserved + r.fee_allowance
            FROM reservations r WHERE r.order_id = taken.order_id AND a.mode = taken.mode;
        PERFORM refresh_slot(taken.workflow_id, taken.mode);
    END IF;
END $$;

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

-- Tokens that lost: their shares stay in the wallet for ever and are no difference.
CREATE INDEX positions_worthless ON positions (mode, token_id) WHERE payout = 0;

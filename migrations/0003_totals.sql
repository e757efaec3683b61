-- The account's running totals. What makes promises smaller goes by trigger, whoever writes it.
-- What makes them larger (a new reservation, a slot taken) is written by the function that checked
-- the caps, in the same statement as the check. `account_drift` must be empty always.

CREATE FUNCTION total_reservations() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    amount usd_amount := coalesce(new.amount, 0) - old.amount;
    fee    usd_amount := coalesce(new.fee_allowance, 0) - old.fee_allowance;
BEGIN
    IF amount <> 0 OR fee <> 0 THEN
        UPDATE account SET reserved = reserved + amount, fee_reserved = fee_reserved + fee
        WHERE mode = old.mode;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER reservations_total AFTER UPDATE OR DELETE ON reservations
    FOR EACH ROW EXECUTE FUNCTION total_reservations();

CREATE FUNCTION total_positions() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    change usd_amount := coalesce(new.exposure, 0) - coalesce(old.exposure, 0);
BEGIN
    IF change <> 0 THEN
        UPDATE account SET position_cost = position_cost + change
        WHERE mode = coalesce(new.mode, old.mode);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER positions_total AFTER INSERT OR UPDATE OR DELETE ON positions
    FOR EACH ROW EXECUTE FUNCTION total_positions();

CREATE FUNCTION total_slots() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE account SET open_slots = open_slots - 1 WHERE mode = new.mode;
    RETURN NULL;
END $$;
CREATE TRIGGER claims_total AFTER UPDATE OF slot ON claims
    FOR EACH ROW WHEN (old.slot AND NOT new.slot) EXECUTE FUNCTION total_slots();

CREATE FUNCTION total_unsettled() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    change usd_amount := CASE WHEN new.cash_pending THEN new.cash + new.fee ELSE 0 END;
BEGIN
    IF TG_OP = 'UPDATE' AND old.cash_pending THEN
        change := change - (old.cash + old.fee);
    END IF;
    IF change <> 0 THEN
        UPDATE account SET unsettled = unsettled + change WHERE mode = new.mode;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER fills_total AFTER INSERT OR UPDATE ON fills
    FOR EACH ROW EXECUTE FUNCTION total_unsettled();

CREATE FUNCTION total_unexplained() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE account SET unsettled = unsettled + new.unexplained - old.unexplained
    WHERE mode = new.mode;
    RETURN NULL;
END $$;
CREATE TRIGGER orders_total AFTER UPDATE OF unexplained ON orders
    FOR EACH ROW WHEN (new.unexplained <> old.unexplained) EXECUTE FUNCTION total_unexplained();

CREATE FUNCTION add_to_day(m text, d date, p usd_amount, f usd_amount, n int, u int)
RETURNS void LANGUAGE sql AS $$
    UPDATE account SET today = d, today_profit = p + CASE WHEN today = d THEN today_profit ELSE 0 END
    WHERE mode = m AND today <= d;
    INSERT INTO daily_results AS r (mode, day, profit, fees, exits, unknown)
    VALUES (m, d, p, f, n, u)
    ON CONFLICT (mode, day) DO UPDATE SET profit = r.profit + excluded.profit,
        fees = r.fees + excluded.fees, exits = r.exits + excluded.exits,
        unknown = r.unknown + excluded.unknown
$$;
CREATE FUNCTION total_days() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM add_to_day(old.mode, (old.at AT TIME ZONE 'UTC')::date,
            -coalesce(old.profit, 0), -old.fees, -1, -(old.profit IS NULL)::int);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM add_to_day(new.mode, (new.at AT TIME ZONE 'UTC')::date,
            coalesce(new.profit, 0), new.fees, 1, (new.profit IS NULL)::int);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER exits_total AFTER INSERT OR UPDATE OR DELETE ON exits
    FOR EACH ROW EXECUTE FUNCTION total_days();

CREATE VIEW account_drift AS
SELECT * FROM (
    SELECT a.mode, t.total, t.kept, t.counted
    FROM account a
    CROSS JOIN LATERAL (VALUES
        ('reserved', a.reserved::numeric, (SELECT coalesce(sum(ceil(o.limit_price
            * greatest(o.shares - o.filled, 0) * 1000000) / 1000000), 0)
            FROM orders o WHERE o.mode = a.mode AND o.side = 'BUY' AND o.closed_at IS NULL)),
        ('fee_reserved', a.fee_reserved, (SELECT coalesce(sum(fee_allowance), 0)
            FROM reservations r WHERE r.mode = a.mode)),
        ('position_cost', a.position_cost, (SELECT coalesce(sum(exposure), 0)
            FROM positions p WHERE p.mode = a.mode)),
        ('unsettled', a.unsettled, (SELECT coalesce(sum(cash + fee), 0)
            FROM fills f WHERE f.mode = a.mode AND f.cash_pending)
            + (SELECT coalesce(sum(unexplained), 0) FROM orders o WHERE o.mode = a.mode)),
        ('open_slots', a.open_slots, (SELECT count(*)
            FROM claims c WHERE c.mode = a.mode AND c.slot)),
        ('daily_profit', (SELECT coalesce(sum(profit), 0) FROM daily_results d
            WHERE d.mode = a.mode), (SELECT coalesce(sum(profit), 0)
            FROM exits e WHERE e.mode = a.mode)),
        ('today_profit', a.today_profit, (SELECT coalesce(sum(profit), 0)
            FROM exits e WHERE e.mode = a.mode AND (e.at AT TIME ZONE 'UTC')::date = a.today))
    ) AS t (total, kept, counted)
) AS every
WHERE kept <> counted;

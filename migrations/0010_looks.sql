-- A look at an order (fault matrix C1): what passed since the one before counts as watched, up to a
-- bound, for clocks jump. Of several clocks only the one ahead counts; one that was ahead by more
-- than a minute had jumped, or still is, and then nothing that was counted by it holds.
CREATE FUNCTION look_at(oid text, at timestamptz, most interval, strange interval)
RETURNS SETOF orders LANGUAGE sql AS $$
    UPDATE orders o SET
        looked_at = CASE WHEN o.looked_at > at + interval '1 minute' THEN at
            ELSE greatest(o.looked_at, at) END,
        lived = CASE WHEN o.looked_at > at + interval '1 minute' THEN interval '0'
            ELSE coalesce(o.lived, interval '0') + greatest(interval '0', least(
                CASE WHEN o.adopted THEN strange ELSE most END,
                at - coalesce(o.looked_at, o.last_posted_at, at))) END,
        cancel_lived = CASE WHEN o.looked_at > at + interval '1 minute' THEN o.cancel_lived * 0
            ELSE o.cancel_lived END,
        absent_lived = CASE WHEN o.looked_at > at + interval '1 minute' THEN o.absent_lived * 0
            ELSE o.absent_lived END
    WHERE o.order_id = oid AND o.closed_at IS NULL AND o.posts > 0
    RETURNING o.*
$$;

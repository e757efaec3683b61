-- How long an order was really watched (fault matrix C1). A clock that jumps, or hours in which
-- nobody asked, are no silence of the venue: each look adds what passed since the one before, but
-- no more than a bound.
ALTER TABLE orders ADD COLUMN looked_at timestamptz;  -- the last look
ALTER TABLE orders ADD COLUMN lived interval;         -- watched since the last post
ALTER TABLE orders ADD COLUMN cancel_lived interval;  -- of `lived`, when a cancel was first answered
ALTER TABLE orders ADD COLUMN absent_lived interval;  -- of `lived`, when an adopted one was missed

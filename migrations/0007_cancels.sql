-- When a cancel of the order was first answered: fills that raced it show seconds later (XD-17).
ALTER TABLE orders ADD COLUMN cancel_answered_at timestamptz;

-- When a miss was last counted: two readings of one moment are one miss (XD-2).
ALTER TABLE positions ADD COLUMN missed_at timestamptz;

-- What the operator's desk needs beside the books: prices of what is traded, and deliveries.

-- Best bid and ask of tokens with a live trade, written by ingest when they moved. For eyes only.
CREATE TABLE marks (
    token_id        ident NOT NULL,
    at              timestamptz NOT NULL,
    bid             unit_price,
    ask             unit_price,
    PRIMARY KEY (token_id, at)
);
CREATE INDEX marks_by_time ON marks (at);               -- old ones are swept

-- Which channel took which alert: a retry for one channel does not repeat it on another.
CREATE TABLE deliveries (
    alert_id        bigint NOT NULL REFERENCES alerts,
    channel         ident NOT NULL,
    at              timestamptz NOT NULL,
    PRIMARY KEY (alert_id, channel)
);

CREATE INDEX alerts_unseen ON alerts (raised_at DESC) WHERE seen_by IS NULL;
CREATE INDEX decisions_of_trade ON decisions (workflow_id, decision_id) WHERE workflow_id IS NOT NULL;
CREATE INDEX positions_ended ON positions (mode, closed_at DESC, workflow_id)
    WHERE state IN ('closed', 'resolved');

-- The name of a question within its event, e.g. "Other" or "Person B": without it the filter of
-- unnamed outcomes (facts 5.1) sees only the question. The next pass over the catalogue fills it in.

ALTER TABLE markets ADD COLUMN group_title text NOT NULL DEFAULT '';

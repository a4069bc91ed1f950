-- What a detector says of an evaluation: its claims, how far it was checked, by which formula, by whom.

-- Nullable and without a default, so that no row is rewritten, on any partition.
ALTER TABLE evaluations
    ADD COLUMN claims   jsonb CHECK (jsonb_typeof(claims) = 'array'),
    ADD COLUMN status   text  CHECK (status IN ('verified', 'unverified', 'degraded')),
    ADD COLUMN scoring  text,
    ADD COLUMN detector text;

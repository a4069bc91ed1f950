-- Search for words; list filters by mode and by probability that stay fast where nothing matches.

-- A word's places: the milliseconds, counted from the period's start, at which evaluations with this word were made.
-- A word and period may have several rows. Equality of uuid, timestamptz and text is leakproof, so row level security
-- leaves the index in use, as it would not for full text search (docs/adr/0006).
CREATE TABLE search_words (
    project_id uuid        NOT NULL,
    period     timestamptz NOT NULL,
    word       text        NOT NULL CHECK (length(word) BETWEEN 1 AND 64),
    times      integer[]   NOT NULL CHECK (cardinality(times) > 0)
);
CREATE INDEX search_words_word ON search_words (project_id, period, word);

-- What is not in search_words yet: each transaction that writes or deletes evaluations leaves a row for each project and
-- period, and takes part in no lock. `gone` holds the words of evaluations that were deleted at these times.
CREATE TABLE search_pending (
    project_id uuid        NOT NULL,
    period     timestamptz NOT NULL,
    times      integer[]   NOT NULL CHECK (cardinality(times) > 0),
    bytes      bigint      NOT NULL CHECK (bytes >= 0),
    gone       text[]
);
CREATE INDEX search_pending_period ON search_pending (project_id, period);

-- Evaluations that are there already are due. FORCE hides them from the owner, who queues them here.
ALTER TABLE evaluations NO FORCE ROW LEVEL SECURITY;
INSERT INTO search_pending (project_id, period, times, bytes)
SELECT project_id, period, array_agg(DISTINCT ms), sum(bytes)
FROM (
    SELECT project_id, period, (extract(epoch FROM created_at - period) * 1000)::integer AS ms,
           octet_length(prompt) + octet_length(response) AS bytes,
           row_number() OVER (PARTITION BY project_id, period ORDER BY created_at) / 1000 AS part
    FROM evaluations, date_bin('1 day', created_at, '2000-01-01T00:00:00Z') AS period
) AS placed
GROUP BY project_id, period, part;
ALTER TABLE evaluations FORCE ROW LEVEL SECURITY;

CREATE INDEX evaluations_mode ON evaluations (project_id, mode, created_at, id);
CREATE INDEX evaluations_probability ON evaluations (project_id, hallucination_probability, created_at, id);

ALTER TABLE search_words   ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE search_pending ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

-- agentops_ingest: queues.
GRANT INSERT ON search_pending TO agentops_ingest;
CREATE POLICY ingest ON search_pending FOR INSERT TO agentops_ingest
    WITH CHECK (project_id = ANY ((SELECT agentops_claims('project_ids'))::uuid[]));

-- agentops_project: finds, and files what is queued.
GRANT SELECT, INSERT, DELETE ON search_words, search_pending TO agentops_project;
CREATE POLICY project ON search_words TO agentops_project
    USING (project_id = (SELECT agentops_claim('project_id')));
CREATE POLICY project ON search_pending TO agentops_project
    USING (project_id = (SELECT agentops_claim('project_id')));

-- agentops_system: sees whose words are due, and how much of them.
GRANT SELECT (project_id, bytes) ON search_pending TO agentops_system;
CREATE POLICY system_reads ON search_pending FOR SELECT TO agentops_system USING (true);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['anon', 'authenticated', 'service_role'] LOOP
        CONTINUE WHEN NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name);
        EXECUTE format('REVOKE ALL ON search_words, search_pending FROM %I', name);
    END LOOP;
END $$;

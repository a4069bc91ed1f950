-- What a detector says of an evaluation: its claims, how far it was checked, by which formula, by whom.

-- Nullable and without a default, so that no row is rewritten, on any partition.
ALTER TABLE evaluations
    ADD COLUMN claims   jsonb CHECK (jsonb_typeof(claims) = 'array'),
    ADD COLUMN status   text  CHECK (status IN ('verified', 'unverified', 'degraded')),
    ADD COLUMN scoring  text,
    ADD COLUMN detector text;

-- What people say of answers. An evaluation has one label; whoever deletes an evaluation deletes it too.
CREATE TABLE evaluation_labels (
    project_id    uuid        NOT NULL REFERENCES projects ON DELETE CASCADE,
    evaluation_id uuid        NOT NULL,
    evaluation_at timestamptz NOT NULL,
    hallucinated  boolean     NOT NULL,
    note          text        CHECK (length(note) <= 2000),
    labelled_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, evaluation_id)
);
CREATE INDEX evaluation_labels_at ON evaluation_labels (project_id, labelled_at, evaluation_id);

-- How a project's labels correct the detector's probabilities. The newest of a detector is in use.
CREATE TABLE calibrations (
    project_id uuid        NOT NULL REFERENCES projects ON DELETE CASCADE,
    id         uuid        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    detector   text        NOT NULL,
    method     text        NOT NULL CHECK (method IN ('platt', 'isotonic')),
    labels     integer     NOT NULL CHECK (labels > 0),
    parameters jsonb       NOT NULL CHECK (jsonb_typeof(parameters) = 'object'),
    before     jsonb       NOT NULL CHECK (jsonb_typeof(before) = 'object'),
    after      jsonb       NOT NULL CHECK (jsonb_typeof(after) = 'object'),
    PRIMARY KEY (project_id, id)
);

-- Whether evaluations that come without scores are scored here, and which share of them. `scored_to` tells up to which
-- time they were looked at.
CREATE TABLE project_scoring (
    project_id  uuid        PRIMARY KEY REFERENCES projects ON DELETE CASCADE,
    enabled     boolean     NOT NULL,
    sample_rate float8      NOT NULL CHECK (sample_rate > 0 AND sample_rate <= 1),
    scored_to   timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

-- What became of each evaluation that a scoring job looked at; it goes with its job.
CREATE TABLE scoring_log (
    project_id    uuid        NOT NULL,
    job_id        uuid        NOT NULL REFERENCES jobs ON DELETE CASCADE,
    evaluation_at timestamptz NOT NULL,
    evaluation_id uuid        NOT NULL,
    outcome       text        NOT NULL CHECK (outcome IN ('scored', 'has_scores', 'no_documents', 'sampled_out',
                                                          'too_large', 'failed', 'deleted')),
    reason        text        CHECK (length(reason) <= 500),
    at            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, job_id, evaluation_at, evaluation_id)
);
CREATE INDEX scoring_log_job ON scoring_log (job_id);
CREATE INDEX scoring_log_evaluation ON scoring_log (project_id, evaluation_id);

ALTER TABLE evaluation_labels ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE calibrations      ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE project_scoring   ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE scoring_log       ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

-- agentops_project: scores its evaluations, and nothing else of them changes.
GRANT UPDATE (semantic_drift, uncertainty, factual_support, hallucination_probability, hallucinated, mode, claims, status,
              scoring, detector) ON evaluations TO agentops_project;
GRANT SELECT, INSERT, DELETE ON evaluation_labels, calibrations TO agentops_project;
GRANT UPDATE (hallucinated, note, labelled_at) ON evaluation_labels TO agentops_project;
GRANT SELECT, UPDATE (scored_to) ON project_scoring TO agentops_project;
GRANT SELECT, INSERT ON scoring_log TO agentops_project;
CREATE POLICY project ON evaluation_labels TO agentops_project
    USING (project_id = (SELECT agentops_claim('project_id')));
CREATE POLICY project ON calibrations TO agentops_project
    USING (project_id = (SELECT agentops_claim('project_id')));
CREATE POLICY project ON project_scoring TO agentops_project
    USING (project_id = (SELECT agentops_claim('project_id')));
CREATE POLICY project ON scoring_log TO agentops_project
    USING (project_id = (SELECT agentops_claim('project_id')));

-- agentops_user: owners and admins say what is scored.
GRANT SELECT, INSERT (project_id, enabled, sample_rate), UPDATE (enabled, sample_rate, scored_to, updated_at)
    ON project_scoring TO agentops_user;
CREATE POLICY administrator ON project_scoring TO agentops_user
    USING (project_id IN (SELECT p.id FROM projects AS p JOIN memberships AS m USING (organization_id)
                          WHERE m.role IN ('owner', 'admin')));

-- agentops_jobs: whose evaluations are to be scored.
GRANT SELECT ON project_scoring TO agentops_jobs;
CREATE POLICY jobs ON project_scoring FOR SELECT TO agentops_jobs USING (true);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['anon', 'authenticated', 'service_role'] LOOP
        CONTINUE WHEN NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name);
        EXECUTE format('REVOKE ALL ON evaluation_labels, calibrations, project_scoring, scoring_log FROM %I', name);
    END LOOP;
    IF to_regprocedure('auth.uid()') IS NULL OR NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'authenticated') THEN
        RETURN;
    END IF;
    GRANT SELECT ON evaluation_labels, calibrations TO authenticated;
    CREATE POLICY supabase ON evaluation_labels FOR SELECT TO authenticated
        USING (project_id IN (SELECT id FROM projects));
    CREATE POLICY supabase ON calibrations FOR SELECT TO authenticated
        USING (project_id IN (SELECT id FROM projects));
END $$;

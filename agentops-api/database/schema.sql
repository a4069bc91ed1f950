-- The schema of AgentOps API, made from its migrations by `make schema`. Do not edit.
-- Paste it into the SQL editor of an empty Supabase project, or run it with `psql -f`.

BEGIN;

CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> 0001

-- Accounts, projects, keys; evaluations with their ids and rollups; the roles of the one door and their policies.

-- Roles. The server logs in as a role that may only become one of these, one transaction at a time.
DO $$
DECLARE
    name text;
    -- Since PostgreSQL 16 a role's maker administers it, but may not become it until told so.
    needed text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    FOREACH name IN ARRAY ARRAY['agentops_project', 'agentops_user', 'agentops_ingest', 'agentops_system'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
        IF NOT pg_has_role(current_user, name, needed) THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', name);
        END IF;
    END LOOP;
END $$;

-- Who is calling. Each transaction says it once; the sub-select in the policies makes it a constant of the query.
CREATE FUNCTION agentops_claim(name text) RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog
    RETURN nullif(current_setting('agentops.' || name, true), '')::uuid;

CREATE FUNCTION agentops_claims(name text) RETURNS uuid[]
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog
    RETURN nullif(current_setting('agentops.' || name, true), '')::uuid[];

-- People.
CREATE TABLE users (
    id            uuid        PRIMARY KEY,
    email         text        NOT NULL CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 320),
    full_name     text        CHECK (length(full_name) <= 200),
    provider      text        NOT NULL DEFAULT 'password' CHECK (provider IN ('password', 'supabase')),
    password_hash text        CHECK ((password_hash IS NOT NULL) = (provider = 'password')),
    created_at    timestamptz NOT NULL DEFAULT now(),
    disabled_at   timestamptz,
    UNIQUE (provider, email)
);

CREATE TABLE sessions (
    id           uuid        PRIMARY KEY,
    user_id      uuid        NOT NULL REFERENCES users ON DELETE CASCADE,
    generation   integer     NOT NULL DEFAULT 0 CHECK (generation >= 0),
    address      text        NOT NULL,
    user_agent   text        NOT NULL DEFAULT '' CHECK (length(user_agent) <= 400),
    created_at   timestamptz NOT NULL DEFAULT now(),
    refreshed_at timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz
);
CREATE INDEX sessions_user ON sessions (user_id, address);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Counts wrong passwords; `account` is a hash, so that a mistyped password in the e-mail field is not kept.
CREATE TABLE login_failures (
    account   bytea       NOT NULL CHECK (octet_length(account) = 32),
    address   text        NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX login_failures_account ON login_failures (account, failed_at);

-- What people work on.
CREATE TABLE organizations (
    id         uuid        PRIMARY KEY,
    name       text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    personal   boolean     NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE memberships (
    organization_id uuid        NOT NULL REFERENCES organizations ON DELETE CASCADE,
    user_id         uuid        NOT NULL REFERENCES users ON DELETE CASCADE,
    role            text        NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id);

CREATE TABLE projects (
    id              uuid        PRIMARY KEY,
    organization_id uuid        NOT NULL REFERENCES organizations ON DELETE CASCADE,
    name            text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    is_default      boolean     NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX projects_organization ON projects (organization_id);
CREATE UNIQUE INDEX projects_default ON projects (organization_id) WHERE is_default;

CREATE TABLE api_keys (
    id           uuid        PRIMARY KEY,
    project_id   uuid        NOT NULL REFERENCES projects ON DELETE CASCADE,
    created_by   uuid        REFERENCES users ON DELETE SET NULL,
    name         text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    key_hash     bytea       NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32),
    preview      text        NOT NULL,
    scopes       text[]      NOT NULL CHECK (scopes <@ ARRAY['ingest', 'read', 'write'] AND cardinality(scopes) > 0),
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);
CREATE INDEX api_keys_project ON api_keys (project_id, id);

-- What agents send. Partitioned by month, so that retention drops partitions; nothing but the parent is ever named.
CREATE TABLE evaluations (
    project_id                uuid        NOT NULL,
    created_at                timestamptz NOT NULL,
    id                        uuid        NOT NULL,
    prompt                    text        NOT NULL,
    response                  text        NOT NULL,
    retrieved_docs            text[],
    semantic_drift            float8      CHECK (semantic_drift BETWEEN 0 AND 1),
    uncertainty               float8      CHECK (uncertainty BETWEEN 0 AND 1),
    factual_support           float8      CHECK (factual_support BETWEEN 0 AND 1),
    hallucination_probability float8      CHECK (hallucination_probability BETWEEN 0 AND 1),
    hallucinated              boolean,
    latency_sec               float8      CHECK (latency_sec > 0 AND latency_sec <= 86400),
    throughput_qps            float8      CHECK (throughput_qps >= 0 AND throughput_qps <= 1000000),
    mode                      text,
    model_name                text,
    agent_name                text,
    session_id                text,
    metadata                  jsonb,
    PRIMARY KEY (project_id, created_at, id)
) PARTITION BY RANGE (created_at);
CREATE INDEX evaluations_agent ON evaluations (project_id, agent_name, created_at, id);
CREATE INDEX evaluations_model ON evaluations (project_id, model_name, created_at, id);
CREATE INDEX evaluations_session ON evaluations (project_id, session_id, created_at, id) WHERE session_id IS NOT NULL;
CREATE INDEX evaluations_hallucinated ON evaluations (project_id, created_at, id) WHERE hallucinated;

-- Ids that clients made. A unique key of a partitioned table must contain the partition key, and a client's id does not
-- tell its row's time: this table makes a retry recognisable, and finds the one partition. Ids that the server made
-- carry their row's created_at in whole milliseconds (UUIDv7) and need no row here.
CREATE TABLE evaluation_ids (
    project_id uuid        NOT NULL,
    id         uuid        NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, id)
);

-- Sums and histograms of evaluations, written in the transaction of the rows that they count.
--
-- Rows of resolution 0 are as they were written: a batch inserts one for each quarter of an hour, agent, model and mode
-- in it, a deletion inserts a negative one. They add up, so no writer waits for another's row. Merging takes them away
-- and adds them to the rows of resolution 60 and 1440 (minutes, in UTC): there is one for each group, for each agent,
-- each model, each mode, and for all together (`dims` says which; names that are not meant are empty). A statistic adds
-- the coarsest rows that fit its period, and those of resolution 0.
--
-- Sums are integers, because they must not depend on order: scores in 1e-9, seconds and queries per second in 1e-6.
-- Histograms are parallel arrays, ascending by bucket once merged: of scores, bucket b holds b/100 <= s < (b+1)/100; of
-- latency and throughput, 1.02^(b-1) < x <= 1.02^b.
CREATE TABLE evaluation_rollups (
    project_id          uuid        NOT NULL,
    resolution          smallint    NOT NULL CHECK (resolution IN (0, 60, 1440)),
    dims                text        NOT NULL CHECK (dims IN ('all', 'agent', 'model', 'mode', 'none')),
    at                  timestamptz NOT NULL,
    agent_name          text        NOT NULL,
    model_name          text        NOT NULL,
    mode                text        NOT NULL,
    evaluations         bigint      NOT NULL,
    verdicts            bigint      NOT NULL,
    hallucinations      bigint      NOT NULL,
    drift_count         bigint      NOT NULL,
    drift_sum           bigint      NOT NULL,
    drift_buckets       smallint[]  NOT NULL,
    drift_counts        integer[]   NOT NULL,
    uncertainty_count   bigint      NOT NULL,
    uncertainty_sum     bigint      NOT NULL,
    uncertainty_buckets smallint[]  NOT NULL,
    uncertainty_counts  integer[]   NOT NULL,
    support_count       bigint      NOT NULL,
    support_sum         bigint      NOT NULL,
    support_buckets     smallint[]  NOT NULL,
    support_counts      integer[]   NOT NULL,
    probability_count   bigint      NOT NULL,
    probability_sum     bigint      NOT NULL,
    probability_buckets smallint[]  NOT NULL,
    probability_counts  integer[]   NOT NULL,
    latency_count       bigint      NOT NULL,
    latency_sum         bigint      NOT NULL,
    latency_buckets     smallint[]  NOT NULL,
    latency_counts      integer[]   NOT NULL,
    throughput_count    bigint      NOT NULL,
    throughput_sum      bigint      NOT NULL,
    throughput_buckets  smallint[]  NOT NULL,
    throughput_counts   integer[]   NOT NULL
);
CREATE INDEX evaluation_rollups_at ON evaluation_rollups (project_id, resolution, dims, at);
ALTER TABLE evaluation_rollups SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);

-- Partitions live in a schema of their own that nobody may use: PostgREST exposes `public`, and a partition named
-- directly obeys its own policies (none, so it shows nothing), not its parent's.
CREATE SCHEMA agentops_partitions;
CREATE TABLE agentops_partitions.evaluations_default PARTITION OF evaluations DEFAULT;
ALTER TABLE agentops_partitions.evaluations_default ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

-- Makes the monthly partitions from `first` to `last`; what the default partition holds of a month moves with it.
-- Attaching, instead of creating in place, takes no lock on the parent that would stop readers or writers.
CREATE FUNCTION agentops_ensure_partitions(first date, last date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET "TimeZone" = 'UTC' SET client_min_messages = warning AS $$
DECLARE
    month date := date_trunc('month', first);
    name  text;
    made  integer := 0;
BEGIN
    IF last - first > 36600 THEN
        RAISE EXCEPTION 'asked for more than 100 years of partitions' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('agentops.partitions'));
    WHILE month <= last LOOP
        name := 'evaluations_' || to_char(month, 'YYYY_MM');
        IF to_regclass('agentops_partitions.' || name) IS NULL THEN
            EXECUTE format('CREATE TABLE agentops_partitions.%I (LIKE public.evaluations INCLUDING ALL)', name);
            EXECUTE format('ALTER TABLE agentops_partitions.%I ENABLE ROW LEVEL SECURITY', name);
            EXECUTE format('ALTER TABLE agentops_partitions.%I ADD CONSTRAINT bounds CHECK (created_at >= %L AND created_at < %L)',
                           name, month::timestamptz, (month + interval '1 month')::timestamptz);
            -- FORCE would hide the rows from the owner, who moves them here.
            ALTER TABLE agentops_partitions.evaluations_default NO FORCE ROW LEVEL SECURITY;
            EXECUTE format('WITH moved AS (DELETE FROM agentops_partitions.evaluations_default
                                           WHERE created_at >= %L AND created_at < %L RETURNING *)
                            INSERT INTO agentops_partitions.%I SELECT * FROM moved',
                           month::timestamptz, (month + interval '1 month')::timestamptz, name);
            ALTER TABLE agentops_partitions.evaluations_default FORCE ROW LEVEL SECURITY;
            EXECUTE format('ALTER TABLE agentops_partitions.%I FORCE ROW LEVEL SECURITY', name);
            EXECUTE format('ALTER TABLE public.evaluations ATTACH PARTITION agentops_partitions.%I FOR VALUES FROM (%L) TO (%L)',
                           name, month::timestamptz, (month + interval '1 month')::timestamptz);
            EXECUTE format('ALTER TABLE agentops_partitions.%I DROP CONSTRAINT bounds', name);
            made := made + 1;
        END IF;
        month := month + interval '1 month';
    END LOOP;
    RETURN made;
END $$;
REVOKE ALL ON FUNCTION agentops_ensure_partitions(date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION agentops_ensure_partitions(date, date) TO agentops_system;

-- Row level security, for the tables' owner too.
ALTER TABLE alembic_version    ENABLE ROW LEVEL SECURITY;
ALTER TABLE users              ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE sessions           ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE login_failures     ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE organizations      ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE memberships        ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE projects           ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE api_keys           ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE evaluations        ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE evaluation_ids     ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE evaluation_rollups ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA public TO agentops_project, agentops_user, agentops_ingest, agentops_system;

-- agentops_system: finds out who is calling. It sees no evaluation.
GRANT SELECT ON alembic_version TO agentops_system;
GRANT SELECT, INSERT, UPDATE ON users, sessions TO agentops_system;
GRANT SELECT, INSERT, DELETE ON login_failures TO agentops_system;
GRANT DELETE ON sessions TO agentops_system;
GRANT SELECT, INSERT ON organizations, memberships, projects TO agentops_system;
GRANT SELECT, INSERT, UPDATE (last_used_at) ON api_keys TO agentops_system;
CREATE POLICY system_reads ON alembic_version FOR SELECT TO agentops_system USING (true);
CREATE POLICY system ON users          TO agentops_system USING (true) WITH CHECK (true);
CREATE POLICY system ON sessions       TO agentops_system USING (true) WITH CHECK (true);
CREATE POLICY system ON login_failures TO agentops_system USING (true) WITH CHECK (true);
CREATE POLICY system ON organizations  TO agentops_system USING (true) WITH CHECK (true);
CREATE POLICY system ON memberships    TO agentops_system USING (true) WITH CHECK (true);
CREATE POLICY system ON projects       TO agentops_system USING (true) WITH CHECK (true);
CREATE POLICY system ON api_keys       TO agentops_system USING (true) WITH CHECK (true);

-- agentops_user: a person's own things. Column grants keep hashes out of reach.
GRANT SELECT (id, email, full_name, provider, created_at, disabled_at) ON users TO agentops_user;
GRANT SELECT (id, user_id, address, user_agent, created_at, refreshed_at, expires_at, revoked_at) ON sessions TO agentops_user;
GRANT UPDATE (revoked_at) ON sessions TO agentops_user;
GRANT SELECT ON organizations, memberships, projects TO agentops_user;
GRANT SELECT (id, project_id, created_by, name, preview, scopes, created_at, expires_at, revoked_at, last_used_at) ON api_keys TO agentops_user;
GRANT INSERT ON api_keys TO agentops_user;
GRANT UPDATE (revoked_at) ON api_keys TO agentops_user;
CREATE POLICY self ON users FOR SELECT TO agentops_user
    USING (id = (SELECT agentops_claim('user_id')));
CREATE POLICY self ON sessions TO agentops_user
    USING (user_id = (SELECT agentops_claim('user_id')));
CREATE POLICY self ON memberships FOR SELECT TO agentops_user
    USING (user_id = (SELECT agentops_claim('user_id')));
CREATE POLICY member ON organizations FOR SELECT TO agentops_user
    USING (id IN (SELECT organization_id FROM memberships));
CREATE POLICY member ON projects FOR SELECT TO agentops_user
    USING (organization_id IN (SELECT organization_id FROM memberships));
CREATE POLICY member ON api_keys TO agentops_user
    USING (project_id IN (SELECT id FROM projects))
    WITH CHECK (project_id IN (SELECT id FROM projects));

-- agentops_ingest: inserts for the projects of its batch, and sees no more of an evaluation than its key.
GRANT INSERT ON evaluations, evaluation_ids, evaluation_rollups TO agentops_ingest;
GRANT SELECT (project_id, created_at, id) ON evaluations TO agentops_ingest;
GRANT SELECT ON evaluation_ids TO agentops_ingest;
CREATE POLICY ingest_reads ON evaluations FOR SELECT TO agentops_ingest
    USING (project_id = ANY ((SELECT agentops_claims('project_ids'))::uuid[]));
CREATE POLICY ingest ON evaluations FOR INSERT TO agentops_ingest
    WITH CHECK (project_id = ANY ((SELECT agentops_claims('project_ids'))::uuid[]));
CREATE POLICY ingest_reads ON evaluation_ids FOR SELECT TO agentops_ingest
    USING (project_id = ANY ((SELECT agentops_claims('project_ids'))::uuid[]));
CREATE POLICY ingest ON evaluation_ids FOR INSERT TO agentops_ingest
    WITH CHECK (project_id = ANY ((SELECT agentops_claims('project_ids'))::uuid[]));
CREATE POLICY ingest ON evaluation_rollups FOR INSERT TO agentops_ingest
    WITH CHECK (project_id = ANY ((SELECT agentops_claims('project_ids'))::uuid[]));

-- agentops_project: reads and deletes within one project.
GRANT SELECT, DELETE ON evaluations, evaluation_ids TO agentops_project;
GRANT SELECT, INSERT, DELETE ON evaluation_rollups TO agentops_project;
CREATE POLICY project ON evaluations TO agentops_project
    USING (project_id = (SELECT agentops_claim('project_id')));
CREATE POLICY project ON evaluation_ids TO agentops_project
    USING (project_id = (SELECT agentops_claim('project_id')));
CREATE POLICY project ON evaluation_rollups TO agentops_project
    USING (project_id = (SELECT agentops_claim('project_id')));

-- Supabase: supabase-js users read their own rows through auth.uid(); its default grants on new tables are taken back.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['anon', 'authenticated', 'service_role'] LOOP
        CONTINUE WHEN NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name);
        EXECUTE format('REVOKE ALL ON alembic_version, users, sessions, login_failures, organizations, memberships,
                        projects, api_keys, evaluations, evaluation_ids, evaluation_rollups FROM %I', name);
        EXECUTE format('REVOKE ALL ON FUNCTION agentops_ensure_partitions(date, date) FROM %I', name);
    END LOOP;
    IF to_regprocedure('auth.uid()') IS NULL OR NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'authenticated') THEN
        RETURN;
    END IF;
    GRANT SELECT (id, email, full_name, provider, created_at) ON users TO authenticated;
    GRANT SELECT ON organizations, memberships, projects, evaluations, evaluation_rollups TO authenticated;
    GRANT SELECT (id, project_id, created_by, name, preview, scopes, created_at, expires_at, revoked_at, last_used_at) ON api_keys TO authenticated;
    CREATE POLICY supabase ON users FOR SELECT TO authenticated
        USING (id = (SELECT auth.uid()));
    CREATE POLICY supabase ON memberships FOR SELECT TO authenticated
        USING (user_id = (SELECT auth.uid()));
    CREATE POLICY supabase ON organizations FOR SELECT TO authenticated
        USING (id IN (SELECT organization_id FROM memberships));
    CREATE POLICY supabase ON projects FOR SELECT TO authenticated
        USING (organization_id IN (SELECT organization_id FROM memberships));
    CREATE POLICY supabase ON api_keys FOR SELECT TO authenticated
        USING (project_id IN (SELECT id FROM projects));
    CREATE POLICY supabase ON evaluations FOR SELECT TO authenticated
        USING (project_id IN (SELECT id FROM projects));
    CREATE POLICY supabase ON evaluation_rollups FOR SELECT TO authenticated
        USING (project_id IN (SELECT id FROM projects));
END $$;


INSERT INTO alembic_version (version_num) VALUES ('0001') RETURNING alembic_version.version_num;

-- Running upgrade 0001 -> 0002

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
CREATE INDEX evaluations_probability ON evaluations (project_id, floor(hallucination_probability * 100), created_at, id);

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


UPDATE alembic_version SET version_num='0002' WHERE alembic_version.version_num = '0001';


COMMIT;

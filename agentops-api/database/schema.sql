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


UPDATE alembic_version SET version_num='0002' WHERE alembic_version.version_num = '0001';

-- Running upgrade 0002 -> 0003

-- The job queue (docs/adr/0008), and how long each project keeps what.

-- agentops_jobs: takes jobs from the queue and puts them back; it sees no evaluation. Whoever may become agentops_system
-- is a login of the server, and may become this role too.
DO $$
DECLARE
    login  text;
    needed text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    BEGIN
        CREATE ROLE agentops_jobs NOLOGIN NOINHERIT;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;
    END;
    IF NOT pg_has_role(current_user, 'agentops_jobs', needed) THEN
        GRANT agentops_jobs TO CURRENT_USER;
    END IF;
    FOR login IN
        SELECT rolname FROM pg_auth_members JOIN pg_roles ON pg_roles.oid = member
        WHERE roleid = 'agentops_system'::regrole AND NOT pg_has_role(member, 'agentops_jobs', needed)
    LOOP
        EXECUTE format('GRANT agentops_jobs TO %I', login);
    END LOOP;
END $$;

-- A job is queued until a worker takes it, which counts as an attempt; running until its lease ends, which the worker
-- puts off while it lives; and then queued again, succeeded or failed. `attempts` only grows, so it tells a worker that
-- lost its job from the one that has it now. `project_id` is null for the server's own.
CREATE TABLE jobs (
    id           uuid        PRIMARY KEY,
    project_id   uuid        REFERENCES projects ON DELETE CASCADE,
    kind         text        NOT NULL CHECK (length(kind) BETWEEN 1 AND 100),
    key          text        CHECK (length(key) BETWEEN 1 AND 200),
    args         jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(args) = 'object'),
    status       text        NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'succeeded', 'failed')),
    attempts     integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    attempts_max integer     NOT NULL DEFAULT 5 CHECK (attempts_max BETWEEN 1 AND 1000),
    done         bigint      CHECK (done >= 0),
    total        bigint      CHECK (total >= 0),
    report       jsonb       CHECK (jsonb_typeof(report) = 'object'),
    error        text        CHECK (length(error) <= 500),
    created_at   timestamptz NOT NULL DEFAULT now(),
    due_at       timestamptz NOT NULL DEFAULT now(),
    started_at   timestamptz,
    finished_at  timestamptz,
    lease_until  timestamptz,
    CHECK ((status = 'running') = (lease_until IS NOT NULL)),
    CHECK ((status IN ('succeeded', 'failed')) = (finished_at IS NOT NULL)),
    CHECK (status NOT IN ('running', 'succeeded') OR started_at IS NOT NULL)
);
CREATE INDEX jobs_project ON jobs (project_id, id);
CREATE INDEX jobs_due ON jobs (due_at, id) WHERE status = 'queued';
CREATE INDEX jobs_running ON jobs (project_id, kind) WHERE status = 'running';
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;
-- Of several that ask for the same work before it begins, one job is made.
CREATE UNIQUE INDEX jobs_key ON jobs (kind, project_id, key) NULLS NOT DISTINCT WHERE key IS NOT NULL;

-- The last slot of time that each schedule made a job for. It only grows, so a slot never comes twice.
CREATE TABLE job_slots (
    kind text        PRIMARY KEY CHECK (length(kind) BETWEEN 1 AND 100),
    slot timestamptz NOT NULL
);

-- Null keeps for ever. Evaluations before `raw_from` were deleted, and their statistics kept. No statistics are deleted
-- whose evaluations are kept.
CREATE TABLE project_retention (
    project_id  uuid        PRIMARY KEY REFERENCES projects ON DELETE CASCADE,
    raw_days    integer     CHECK (raw_days BETWEEN 1 AND 36500),
    rollup_days integer     CHECK (rollup_days BETWEEN 1 AND 36500),
    raw_from    timestamptz,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CHECK (rollup_days IS NULL OR raw_days IS NOT NULL AND raw_days <= rollup_days)
);

-- Drops one monthly partition that ended by `before` and holds nothing any more, and tells its name; null when there is
-- none. FORCE would hide the rows from the owner, so it is taken off to look, under a lock that nobody gets past: what
-- holds a row is not dropped. The parent is locked first, as whoever reads or writes does, so there is no deadlock; the
-- statistics spare full partitions that lock. A lock that does not come within a second is left for another time.
CREATE FUNCTION agentops_drop_empty_partition(before date) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET "TimeZone" = 'UTC' SET lock_timeout = '1s' AS $$
DECLARE
    name text;
    held boolean;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('agentops.partitions'));
    FOR name IN
        SELECT relname FROM pg_class JOIN pg_inherits ON inhrelid = pg_class.oid
        WHERE inhparent = 'public.evaluations'::regclass AND relname ~ '^evaluations_\d{4}_\d{2}$'
          AND to_date(right(relname, 7), 'YYYY_MM') + interval '1 month' <= before
          AND pg_stat_get_live_tuples(pg_class.oid) = 0
        ORDER BY relname
    LOOP
        BEGIN
            LOCK TABLE ONLY public.evaluations IN ACCESS EXCLUSIVE MODE;
            EXECUTE format('ALTER TABLE agentops_partitions.%I NO FORCE ROW LEVEL SECURITY', name);
            EXECUTE format('SELECT EXISTS (SELECT FROM agentops_partitions.%I)', name) INTO held;
            IF NOT held THEN
                EXECUTE format('DROP TABLE agentops_partitions.%I', name);
                RETURN name;
            END IF;
            EXECUTE format('ALTER TABLE agentops_partitions.%I FORCE ROW LEVEL SECURITY', name);
        EXCEPTION WHEN lock_not_available THEN
            RETURN NULL;
        END;
    END LOOP;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION agentops_drop_empty_partition(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION agentops_drop_empty_partition(date) TO agentops_system;

ALTER TABLE jobs              ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE job_slots         ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE project_retention ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

-- agentops_jobs: the queue of everybody, and nothing else.
GRANT USAGE ON SCHEMA public TO agentops_jobs;
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO agentops_jobs;
GRANT SELECT, INSERT, UPDATE ON job_slots TO agentops_jobs;
GRANT SELECT ON project_retention TO agentops_jobs;
CREATE POLICY jobs ON jobs TO agentops_jobs USING (true) WITH CHECK (true);
CREATE POLICY jobs ON job_slots TO agentops_jobs USING (true) WITH CHECK (true);
CREATE POLICY jobs ON project_retention FOR SELECT TO agentops_jobs USING (true);

-- agentops_project: asks for jobs of its own project, sees them, asks again for one that failed, and notes progress.
GRANT SELECT, INSERT (id, project_id, kind, key, args, due_at) ON jobs TO agentops_project;
GRANT UPDATE (status, attempts_max, due_at, finished_at, error, done, total, report) ON jobs TO agentops_project;
GRANT SELECT, UPDATE (raw_from) ON project_retention TO agentops_project;
CREATE POLICY project ON jobs TO agentops_project
    USING (project_id = (SELECT agentops_claim('project_id')));
CREATE POLICY project ON project_retention TO agentops_project
    USING (project_id = (SELECT agentops_claim('project_id')));

-- agentops_user: owners and admins say how long their projects keep what.
GRANT SELECT, INSERT (project_id, raw_days, rollup_days), UPDATE (raw_days, rollup_days, updated_at)
    ON project_retention TO agentops_user;
CREATE POLICY administrator ON project_retention TO agentops_user
    USING (project_id IN (SELECT p.id FROM projects AS p JOIN memberships AS m USING (organization_id)
                          WHERE m.role IN ('owner', 'admin')));

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['anon', 'authenticated', 'service_role'] LOOP
        CONTINUE WHEN NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name);
        EXECUTE format('REVOKE ALL ON jobs, job_slots, project_retention FROM %I', name);
        EXECUTE format('REVOKE ALL ON FUNCTION agentops_drop_empty_partition(date) FROM %I', name);
    END LOOP;
END $$;


UPDATE alembic_version SET version_num='0003' WHERE alembic_version.version_num = '0002';

-- Running upgrade 0003 -> 0005

-- Files that export jobs write (docs/adr/0017): in the database, because any server must find what any worker wrote.

-- For the key below: a part belongs to a job of its own project.
CREATE UNIQUE INDEX jobs_of_project ON jobs (project_id, id);
DROP INDEX jobs_project;

-- All parts of a file but the last are of the same length, so that a place in the file tells its part.
CREATE TABLE export_parts (
    project_id uuid    NOT NULL,
    job_id     uuid    NOT NULL,
    number     integer NOT NULL CHECK (number >= 0),
    bytes      bytea   NOT NULL CHECK (octet_length(bytes) BETWEEN 1 AND 524288),
    PRIMARY KEY (project_id, job_id, number),
    FOREIGN KEY (project_id, job_id) REFERENCES jobs (project_id, id) ON DELETE CASCADE
);
-- The files are compressed already.
ALTER TABLE export_parts ALTER COLUMN bytes SET STORAGE EXTERNAL;

ALTER TABLE export_parts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

-- agentops_project: writes and reads the files of its own project.
GRANT SELECT, INSERT, DELETE ON export_parts TO agentops_project;
CREATE POLICY project ON export_parts TO agentops_project
    USING (project_id = (SELECT agentops_claim('project_id')));

-- agentops_jobs: deletes files that nobody may have any more, without seeing what is in them.
GRANT SELECT (project_id, job_id, number), DELETE ON export_parts TO agentops_jobs;
CREATE POLICY jobs ON export_parts TO agentops_jobs USING (true) WITH CHECK (false);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['anon', 'authenticated', 'service_role'] LOOP
        CONTINUE WHEN NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name);
        EXECUTE format('REVOKE ALL ON export_parts FROM %I', name);
    END LOOP;
END $$;


UPDATE alembic_version SET version_num='0005' WHERE alembic_version.version_num = '0003';

-- Running upgrade 0005 -> 0006

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


UPDATE alembic_version SET version_num='0006' WHERE alembic_version.version_num = '0005';

-- Running upgrade 0006 -> 0007

-- Rollups of weeks (resolution 10080, from Monday in UTC): a question about three months reads a fifth of the rows.

ALTER TABLE evaluation_rollups
    DROP CONSTRAINT evaluation_rollups_resolution_check,
    ADD CONSTRAINT evaluation_rollups_resolution_check CHECK (resolution IN (0, 60, 1440, 10080));

-- Those of the days that are there already: their sums, and then each measure's histogram. FORCE hides the days from the
-- owner, who adds them up here.
ALTER TABLE evaluation_rollups NO FORCE ROW LEVEL SECURITY;
INSERT INTO evaluation_rollups
SELECT project_id, 10080, dims, date_trunc('week', at, 'UTC'), agent_name, model_name, mode,
       sum(evaluations), sum(verdicts), sum(hallucinations),
       sum(drift_count), sum(drift_sum), '{}', '{}',
       sum(uncertainty_count), sum(uncertainty_sum), '{}', '{}',
       sum(support_count), sum(support_sum), '{}', '{}',
       sum(probability_count), sum(probability_sum), '{}', '{}',
       sum(latency_count), sum(latency_sum), '{}', '{}',
       sum(throughput_count), sum(throughput_sum), '{}', '{}'
FROM evaluation_rollups
WHERE resolution = 1440
GROUP BY project_id, dims, date_trunc('week', at, 'UTC'), agent_name, model_name, mode
HAVING sum(evaluations) <> 0;

DO $$
DECLARE
    measure text;
BEGIN
    FOREACH measure IN ARRAY ARRAY['drift', 'uncertainty', 'support', 'probability', 'latency', 'throughput'] LOOP
        EXECUTE format($update$
            UPDATE evaluation_rollups AS weekly
            SET %1$I = buckets, %2$I = counts
            FROM (
                SELECT project_id, dims, week, agent_name, model_name, mode,
                       array_agg(bucket ORDER BY bucket) AS buckets, array_agg(n ORDER BY bucket) AS counts
                FROM (
                    SELECT project_id, dims, date_trunc('week', at, 'UTC') AS week, agent_name, model_name, mode,
                           bucket, sum(n)::integer AS n
                    FROM evaluation_rollups, unnest(%1$I, %2$I) AS one (bucket, n)
                    WHERE resolution = 1440
                    GROUP BY 1, 2, 3, 4, 5, 6, 7
                    HAVING sum(n) <> 0
                ) AS counted
                GROUP BY 1, 2, 3, 4, 5, 6
            ) AS merged
            WHERE weekly.resolution = 10080 AND weekly.project_id = merged.project_id AND weekly.dims = merged.dims
              AND weekly.at = merged.week AND weekly.agent_name = merged.agent_name
              AND weekly.model_name = merged.model_name AND weekly.mode = merged.mode
            $update$, measure || '_buckets', measure || '_counts');
    END LOOP;
END $$;
ALTER TABLE evaluation_rollups FORCE ROW LEVEL SECURITY;

-- A verdict and a probability that contradict each other: the planner takes the two for independent, and would look
-- through all evaluations for what is rare.
CREATE INDEX evaluations_doubted ON evaluations (project_id, created_at, id)
    WHERE NOT hallucinated AND hallucination_probability >= 0.5;


UPDATE alembic_version SET version_num='0007' WHERE alembic_version.version_num = '0006';

-- Running upgrade 0007 -> 0008

-- People rename themselves, and owners and admins their projects. Nothing else of these rows is theirs to change.
GRANT UPDATE (full_name) ON users TO agentops_user;
CREATE POLICY renames_self ON users FOR UPDATE TO agentops_user
    USING (id = (SELECT agentops_claim('user_id')));

GRANT UPDATE (name) ON projects TO agentops_user;
CREATE POLICY administrator ON projects FOR UPDATE TO agentops_user
    USING (organization_id IN (
        SELECT organization_id FROM memberships
        WHERE user_id = (SELECT agentops_claim('user_id')) AND role IN ('owner', 'admin')));


UPDATE alembic_version SET version_num='0008' WHERE alembic_version.version_num = '0007';

-- Running upgrade 0008 -> 0009

-- Rollups of quarters of an hour (resolution 15), for each group and for all together: days and hours of time zones that
-- differ from UTC by half hours are made of them.

ALTER TABLE evaluation_rollups
    DROP CONSTRAINT evaluation_rollups_resolution_check,
    ADD CONSTRAINT evaluation_rollups_resolution_check CHECK (resolution IN (0, 15, 60, 1440, 10080));

-- What was merged before tells only hours: it counts in their first quarter until `agentops rollups rebuild` counts anew.
-- FORCE hides the hours from the owner, who copies them here.
ALTER TABLE evaluation_rollups NO FORCE ROW LEVEL SECURITY;
INSERT INTO evaluation_rollups
SELECT project_id, 15, dims, at, agent_name, model_name, mode, evaluations, verdicts, hallucinations,
       drift_count, drift_sum, drift_buckets, drift_counts,
       uncertainty_count, uncertainty_sum, uncertainty_buckets, uncertainty_counts,
       support_count, support_sum, support_buckets, support_counts,
       probability_count, probability_sum, probability_buckets, probability_counts,
       latency_count, latency_sum, latency_buckets, latency_counts,
       throughput_count, throughput_sum, throughput_buckets, throughput_counts
FROM evaluation_rollups
WHERE resolution = 60 AND dims IN ('all', 'none');
ALTER TABLE evaluation_rollups FORCE ROW LEVEL SECURITY;


UPDATE alembic_version SET version_num='0009' WHERE alembic_version.version_num = '0008';

-- Running upgrade 0009 -> 0010

-- Search finds words of any script, in any form, whatever the locale of the database: in one of C, `lower` and `\w` know
-- ASCII only. PostgreSQL 17 and newer bring Unicode along, older ones take it from the system. What has none of it
-- remains with ASCII.
DO $$
DECLARE
    source text;
BEGIN
    FOREACH source IN ARRAY ARRAY[
        'provider = builtin, locale = "C.UTF-8"',
        'provider = libc, lc_collate = "C", lc_ctype = "C.UTF-8"',
        'provider = libc, lc_collate = "C", lc_ctype = "en_US.UTF-8"',
        'provider = icu, locale = "und"',
        'provider = libc, locale = "C"'
    ] LOOP
        BEGIN
            EXECUTE format('CREATE COLLATION agentops_words (%s)', source);
            EXIT;
        EXCEPTION WHEN invalid_object_definition OR undefined_object OR feature_not_supported
                    OR invalid_parameter_value OR wrong_object_type THEN
            NULL;  -- This version, or this system, has none of the kind.
        END;
    END LOOP;
END $$;

-- What is filed are the words of before: all evaluations are due again. FORCE keeps them from the owner.
TRUNCATE search_words, search_pending;
ALTER TABLE evaluations    NO FORCE ROW LEVEL SECURITY;
ALTER TABLE search_pending NO FORCE ROW LEVEL SECURITY;
INSERT INTO search_pending (project_id, period, times, bytes)
SELECT project_id, period, array_agg(DISTINCT ms), sum(bytes)
FROM (
    SELECT project_id, period, (extract(epoch FROM created_at - period) * 1000)::integer AS ms,
           octet_length(prompt) + octet_length(response) AS bytes,
           row_number() OVER (PARTITION BY project_id, period ORDER BY created_at) / 1000 AS part
    FROM evaluations, date_bin('1 day', created_at, '2000-01-01T00:00:00Z') AS period
) AS placed
GROUP BY project_id, period, part;
ALTER TABLE evaluations    FORCE ROW LEVEL SECURITY;
ALTER TABLE search_pending FORCE ROW LEVEL SECURITY;


UPDATE alembic_version SET version_num='0010' WHERE alembic_version.version_num = '0009';


COMMIT;

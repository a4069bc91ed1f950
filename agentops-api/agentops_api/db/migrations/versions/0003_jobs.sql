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

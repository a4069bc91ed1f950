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

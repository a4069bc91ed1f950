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

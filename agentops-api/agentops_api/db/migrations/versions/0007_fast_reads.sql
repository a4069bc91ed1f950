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

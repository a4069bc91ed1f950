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

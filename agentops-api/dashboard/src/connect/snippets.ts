/** What sends a first evaluation, ready to be pasted. */

export function curlSnippet(origin: string, key: string): string {
  return `curl -sS ${origin}/evaluations/ \\
  -H 'X-API-Key: ${key}' \\
  -H 'Content-Type: application/json' -d '{
    "prompt": "What is the capital of France?",
    "response": "Paris is the capital of France.",
    "factual_support": 0.95,
    "hallucination_probability": 0.08,
    "hallucinated": false,
    "latency_sec": 0.42,
    "model_name": "gpt-4o-mini",
    "agent_name": "my_agent"
  }'`;
}

export const PIP = "pip install agentops-client";

/** With the SDK, which judges the answer by its documents before it sends it. */
export function pythonSnippet(origin: string, key: string): string {
  return `from agentops import AgentOps

ops = AgentOps(
    api_key="${key}",
    api_url="${origin}",
)
judged = ops.evaluate(
    "When was penicillin discovered?",
    "Alexander Fleming discovered penicillin in 1928.",
    retrieved_docs=[
        "Alexander Fleming discovered penicillin in 1928.",
    ],
    model_name="gpt-4o-mini",
    agent_name="my_agent",
)
ops.close()
print("Hallucination probability:", judged.hallucination_probability)`;
}

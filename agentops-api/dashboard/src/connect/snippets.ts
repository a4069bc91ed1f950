/** What sends a first evaluation, ready to be pasted. */

export function curlSnippet(origin: string, key: string): string {
  return `curl -sS ${origin}/evaluations/ \\
  -H 'X-API-Key: ${key}' -H 'Content-Type: application/json' -d '{
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

export function pythonSnippet(origin: string, key: string): string {
  return `import json, urllib.request

evaluation = {
    "prompt": "What is the capital of France?",
    "response": "Paris is the capital of France.",
    "factual_support": 0.95,
    "hallucination_probability": 0.08,
    "hallucinated": False,
    "latency_sec": 0.42,
    "model_name": "gpt-4o-mini",
    "agent_name": "my_agent",
}
request = urllib.request.Request(
    "${origin}/evaluations/",
    data=json.dumps(evaluation).encode(),
    headers={"X-API-Key": "${key}", "Content-Type": "application/json"},
)
print(urllib.request.urlopen(request).read().decode())`;
}

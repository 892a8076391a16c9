/** A policy to begin with: examples/policies/guardrails.json. */
export const EXAMPLE_POLICY = `{
  "pii": { "enabled": true, "action": "REDACT", "entities": ["email", "phone", "iban"] },
  "secrets": { "enabled": true, "exceptions": ["EXAMPLE_API_KEY"] },
  "tools": { "enabled": true, "allowed": ["search", "calculator"], "max_arg_size": 10000 },
  "toxicity": { "enabled": true, "action": "WARN", "threshold": 0.8 },
  "limits": { "requests_per_minute": 60, "max_input_characters": 100000 }
}
`;

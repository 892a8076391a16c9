import type { RuntimeInstance } from "../../../../gen/signet/v1/runtime_pb.js";
import { Status, type Tone } from "../../elements/text.js";

const TONES: Readonly<Record<string, Tone>> = { applied: "good", behind: "warn", rejected: "bad", unknown: "neutral" };

/** Where an instance stands with what is active; what is not live says so first. */
export function InstanceState({ instance }: { readonly instance: Pick<RuntimeInstance, "live" | "rollout"> }) {
  const { live, rollout } = instance;
  if (!live) return <Status tone="neutral" icon="pause" text={`not live, ${rollout}`} />;
  return <Status tone={TONES[rollout] ?? "neutral"} text={rollout} />;
}

import type { Actor } from "../../sdk/index.js";

/** Who did something, for a person: `deploy bot (signet_ci_Ab3dE6gH)`; the prefix alone of a token without a name. */
export function formatActor(actor: Pick<Actor, "name" | "prefix"> | undefined, prefix: string): string {
  return actor?.name === undefined ? prefix : `${actor.name} (${actor.prefix})`;
}

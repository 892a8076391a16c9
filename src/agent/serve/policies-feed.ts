import type { EnvironmentView } from "./environment-view.js";
import {
  cursorOf,
  frameOf,
  heartbeatJson,
  newPack,
  objectOf,
  type Frame,
  type StreamState,
  type WatchFeed,
  type WatchForm,
} from "./watch-feed.js";

const UNSET = { policies: "null", nothing_active: "null", heartbeat: "null", version: "null", policy_hash: "null" };

/**
 * The messages of `GET /v1/policies/watch`: WatchPoliciesResponse in REST's form. An event carries the policies alone, a line the whole
 * message.
 */
export class PoliciesFeed implements WatchFeed {
  #newest: { readonly id: string; readonly frames: Map<WatchForm, Buffer> } | null = null;

  constructor(private readonly view: EnvironmentView) {}

  async next(state: StreamState, form: WatchForm): Promise<Frame | null> {
    const pack = newPack(this.view, state);
    if (pack !== null) {
      const policies = (await pack.policies()).toString("utf8");
      const cursor = cursorOf(pack);
      const id = `${pack.sequence} ${pack.deploymentId}`;
      if (this.#newest?.id !== id) this.#newest = { id, frames: new Map() };
      const { frames } = this.#newest;
      const facts = { policies, version: String(pack.version), policy_hash: JSON.stringify(pack.policyHash) };
      const bytes = frames.get(form) ?? this.#frame(form, "policies", cursor, policies, facts);
      frames.set(form, bytes);
      const sent = (it: StreamState) => {
        it.cursor = cursor;
        it.isFirst = false;
      };
      return { bytes, sent };
    }
    const sent = (it: StreamState) => {
      // Sent once, whatever the lease is later.
      if (this.view.isEmpty) it.lease = this.view.source.proof.lease;
      it.isFirst = false;
    };
    if (this.view.isEmpty && state.lease === null) {
      const json = objectOf([["attestation", "null"]]);
      return { bytes: this.#frame(form, "nothing_active", state.cursor, json, { nothing_active: json }), sent };
    }
    return state.isFirst ? { bytes: this.heartbeat(state, form), sent } : null;
  }

  heartbeat({ cursor }: StreamState, form: WatchForm): Buffer {
    const json = heartbeatJson(this.view.source, null);
    return this.#frame(form, "heartbeat", cursor, json, { heartbeat: json });
  }

  #frame(
    form: WatchForm,
    event: string,
    cursor: StreamState["cursor"],
    data: string,
    set: Partial<Record<keyof typeof UNSET, string>>,
  ): Buffer {
    const { sequence, deploymentId } = cursor;
    const id = deploymentId === "" ? "null" : JSON.stringify(deploymentId);
    const members = Object.entries({ ...UNSET, ...set });
    const whole = objectOf([["sequence", String(sequence)], ["deployment_id", id], ...members]);
    return frameOf(form, event, cursor, whole, data);
  }
}

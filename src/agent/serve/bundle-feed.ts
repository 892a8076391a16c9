import { formatRenewal } from "../../bundle/trust/attestation.js";
import type { VerifiedPack } from "../source/environment-pack.js";
import type { EnvironmentView } from "./environment-view.js";
import {
  cursorOf,
  frameOf,
  heartbeatJson,
  jsonText,
  newPack,
  objectOf,
  type Frame,
  type StreamState,
  type WatchFeed,
  type WatchForm,
} from "./watch-feed.js";

const UNSET = { activation: "null", nothing_active: "null", heartbeat: "null", trust_root: "null" };

/** The messages of `GET /v1/bundles/watch`: WatchBundleResponse in REST's form, each made once for all streams. */
export class BundleFeed implements WatchFeed {
  /** The pack and the attestation of `#activations`: only those of the newest are kept. */
  #of: { readonly pack: VerifiedPack; readonly attestation: string | null } | null = null;
  readonly #activations = new Map<string, Promise<Buffer>>();

  /** @param hasContent activations carry the content in place of the document */
  constructor(
    private readonly view: EnvironmentView,
    private readonly hasContent: boolean,
  ) {}

  async next(state: StreamState, form: WatchForm): Promise<Frame | null> {
    const { proof } = this.view.source;
    if (state.root !== null && state.root < proof.rootVersion) return await this.#root(state, form, state.root + 1);
    const pack = newPack(this.view, state);
    if (pack !== null) return await this.#activation(pack, form);
    if (proof.lease !== null && proof.lease !== state.lease) return this.#renewal(state, form, proof.lease);
    if (!state.isFirst) return null;
    return { bytes: this.heartbeat(state, form), sent: (it) => void (it.isFirst = false) };
  }

  heartbeat({ cursor }: StreamState, form: WatchForm): Buffer {
    return this.#frame(form, "heartbeat", cursor, heartbeatJson(this.view.source, null));
  }

  async #root(state: StreamState, form: WatchForm, version: number): Promise<Frame | null> {
    const envelope = await this.view.source.root(version);
    if (envelope === null) return null;
    const json = objectOf([
      ["version", String(version)],
      ["envelope", envelope],
    ]);
    const bytes = this.#frame(form, "trust_root", state.cursor, json);
    return { bytes, sent: (it) => void (it.root = version) };
  }

  async #activation(pack: VerifiedPack, form: WatchForm): Promise<Frame> {
    const attestation = this.view.attestationOf(pack);
    const { lease } = this.view.source.proof;
    const sent = (it: StreamState) => {
      it.cursor = cursorOf(pack);
      it.lease = attestation === null ? it.lease : lease;
      it.isFirst = false;
    };
    if (this.#of?.pack !== pack || this.#of.attestation !== attestation) {
      this.#of = { pack, attestation };
      this.#activations.clear();
    }
    let made = this.#activations.get(form);
    if (made === undefined) {
      const activations = this.#activations;
      made = this.#encode(pack, form, attestation);
      activations.set(form, made);
      // The next stream tries again.
      made.catch(() => activations.get(form) === made && activations.delete(form));
    }
    return { bytes: await made, sent };
  }

  async #encode(pack: VerifiedPack, form: WatchForm, attestation: string | null): Promise<Buffer> {
    const document = this.hasContent ? null : (await pack.document()).toString("utf8");
    return this.#frame(form, "activation", cursorOf(pack), activationJson(pack, document, attestation));
  }

  #renewal(state: StreamState, form: WatchForm, lease: string): Frame | null {
    const sent = (it: StreamState) => {
      it.lease = lease;
      it.isFirst = false;
    };
    const { proof } = this.view.source;
    if (this.view.isEmpty) {
      const json = objectOf([["attestation", proof.attestation ?? "null"]]);
      return { bytes: this.#frame(form, "nothing_active", state.cursor, json), sent };
    }
    // Only for the activation that the stream has.
    if (proof.deploymentId !== state.cursor.deploymentId) return null;
    const json = heartbeatJson(this.view.source, formatRenewal(lease));
    return { bytes: this.#frame(form, "heartbeat", state.cursor, json), sent };
  }

  #frame(form: WatchForm, event: keyof typeof UNSET, cursor: StreamState["cursor"], json: string): Buffer {
    const { sequence, deploymentId } = cursor;
    const members = Object.entries({ ...UNSET, [event]: json });
    const id = deploymentId === "" ? "null" : JSON.stringify(deploymentId);
    const whole = objectOf([["sequence", String(sequence)], ...members, ["deployment_id", id]]);
    return frameOf(form, event, cursor, whole);
  }
}

/** An Activation without its reason, which is not signed. With `document` null it carries the content. */
function activationJson(pack: VerifiedPack, document: string | null, attestation: string | null): string {
  return objectOf([
    ["sequence", String(pack.sequence)],
    ["deployment_id", JSON.stringify(pack.deploymentId)],
    ["kind", JSON.stringify(pack.kind)],
    ["version", String(pack.version)],
    ["policy_hash", JSON.stringify(pack.policyHash)],
    ["activated_at", JSON.stringify(pack.activatedAt.toISOString().replace(".000Z", "Z"))],
    ["document", document ?? "null"],
    ["attestation", attestation ?? "null"],
    ["reason", "null"],
    ["content", document === null ? jsonText(pack.content.toString("utf8")) : "null"],
    ["media_type", JSON.stringify(pack.mediaType)],
  ]);
}

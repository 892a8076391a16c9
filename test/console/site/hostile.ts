import type { SignetClient } from "../../../src/sdk/index.js";
import type { TestServer } from "../../support/server.js";
import { createPlace, type SitePlace } from "./site.js";
import type { AnsweringReceiver } from "./answering-receiver.js";

/** An element that no page may have: it comes from texts alone. */
export const HOSTILE_ELEMENT = "[data-hostile]";

/** Every hostile text has it, and a number of its own after it. */
export const HOSTILE = "Zq";

/** Strong right-to-left letters, which all texts may have: what stands behind them moves, unless they are isolated. */
const LETTERS = "שלום";

/** Overrides and embeddings that are not closed; names may not have them. */
const OVERRIDES = "\u202e\u2067\u202b";

/** Markup in the places where it has worked: text, attribute, script, template, style. */
const MARKUP: readonly string[] = [
  `<img data-hostile src=x onerror=alert(1)>`,
  `"><svg data-hostile onload=alert(2)>`,
  `'--></style></script><script data-hostile>alert(3)</script>`,
  `</textarea></title><iframe data-hostile srcdoc="<script>parent.alert(4)</script>">`,
  `\${alert(5)}{{constructor.constructor('alert(6)')()}}`,
];

/** Hands out texts, each with a number, by which a test knows what it saw. */
export class HostileTexts {
  #given = 0;

  /** For a name: without what cannot be seen. At most 100 characters. */
  name(): string {
    const number = (this.#given += 1);
    return `${LETTERS} ${HOSTILE}${number} ${MARKUP[number % 3]}`.slice(0, 95) + ` ${LETTERS}`;
  }

  /** For any other text. */
  text(): string {
    const number = (this.#given += 1);
    return `${OVERRIDES}${LETTERS} ${HOSTILE}${number} ${MARKUP[number % MARKUP.length]} 123 ${LETTERS}`;
  }
}

/** A project in which others wrote all that they can write. */
export interface HostileSite {
  readonly place: SitePlace;
  readonly pipelineId: string;
  readonly webhookId: string;
}

/** Puts a hostile text into each text that somebody else than the reader writes. */
export async function seedHostile(
  server: Pick<TestServer, "admin" | "orgId" | "clientFor">,
  receiver: AnsweringReceiver,
): Promise<HostileSite> {
  const { admin, orgId, clientFor } = server;
  const texts = new HostileTexts();
  await admin.organizations.updateOrganization({
    ...{ orgId, name: texts.name(), plan: "plan", industry: texts.text(), companySize: texts.text() },
    updateMask: { paths: ["name", "industry", "company_size"] },
  });
  receiver.body = texts.text();
  const url = `${receiver.url}/500/${encodeURIComponent(texts.name())}?q=%3Cimg%20src%3Dx%3E`;
  const { id: webhookId } = await admin.webhooks.createWebhook({ orgId, url, events: ["*"] });
  const place = await createPlace(server, texts.name(), ["dev", "staging", "prod"]);
  const { projectId, environmentIds } = place;
  const named = { orgId, projectId, name: texts.name() };
  const person = clientFor((await admin.tokens.createAdminToken({ orgId, name: texts.name() })).rawKey ?? "");
  await admin.tokens.createCiToken(named);
  await admin.tokens.createViewerToken({ orgId, name: texts.name() });
  const runtime = await admin.tokens.createRuntimeToken({ ...named, environmentId: environmentIds["dev"] ?? "" });
  await publishHostile(person, place, texts);
  await reportHostile(clientFor(runtime.rawKey ?? ""), texts);
  const pipelineId = await createHostilePipeline(person, place, texts);
  return { place, pipelineId, webhookId };
}

async function publishHostile(
  person: SignetClient,
  { orgId, projectId }: SitePlace,
  texts: HostileTexts,
): Promise<void> {
  const at = { orgId, projectId };
  for (let n = 0; n < 3; n += 1) {
    await person.bundles.publishBundle({
      ...{ ...at, envName: "dev", title: texts.text(), description: texts.text(), publishedBy: texts.text() },
      ...{ reason: texts.text(), labels: { [texts.name().slice(0, 60)]: texts.text() } },
      policies: JSON.stringify({ n, [texts.text()]: texts.text(), list: [texts.text()] }),
      scopePolicies: JSON.stringify({ [`${texts.text().replaceAll(":", "")}:app:agent:dev`]: { text: texts.text() } }),
      // No link: a browser would run it.
      source: { repository: texts.text(), revision: texts.text(), url: "javascript:alert('source')//Zq0" },
    });
  }
  await person.bundles.promoteBundle({ ...at, sourceEnv: "dev", reason: texts.text(), promotedBy: texts.text() });
  await person.bundles.rollbackBundle({ ...at, envName: "dev", reason: texts.text() });
  // With a hold, whose reason stands on the lane.
  await person.bundles.activateBundle({ ...at, envName: "dev", version: 1, hold: true, reason: texts.text() });
}

async function reportHostile(runtime: SignetClient, texts: HostileTexts): Promise<void> {
  for (const state of ["applied", "rejected"]) {
    await runtime.runtimes.reportStatus({
      ...{ instanceId: texts.text(), agent: texts.text(), state, sequence: 5 },
      ...(state === "rejected" ? { reason: texts.text() } : {}),
      labels: { [texts.name().slice(0, 60)]: texts.text() },
    });
  }
}

async function createHostilePipeline(person: SignetClient, place: SitePlace, texts: HostileTexts): Promise<string> {
  const { projectId, environmentIds } = place;
  const { id, stages } = await person.pipelines.createPipeline({ displayName: texts.name(), type: "trunk", projectId });
  await person.pipelines.createPipelineStage({ id, displayName: texts.name(), insertBefore: 1, branch: texts.text() });
  await person.pipelines.addPipelineApp({ id, stageId: stages[0]?.id ?? "", appId: environmentIds["dev"] ?? "" });
  const stageId = stages.at(-1)?.id ?? "";
  await person.pipelines.addPipelineApp({ id, stageId, appId: environmentIds["staging"] ?? "" });
  await person.pipelines.addPipelineApp({ id, stageId, appId: environmentIds["prod"] ?? "" });
  return id;
}

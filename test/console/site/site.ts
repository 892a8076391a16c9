import type { SignetClient } from "../../../src/sdk/index.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../../support/server.js";
import { startAnsweringReceiver, type AnsweringReceiver } from "./answering-receiver.js";
import { reportFleet } from "./fleet.js";
import { guardrailPolicy, PAYMENT_CHANGES, paymentPolicy } from "./policies.js";

/** Names a project as the console's URLs do, and as calls do. */
export interface SitePlace {
  readonly org: string;
  readonly project: string;
  readonly orgId: string;
  readonly projectId: string;
  /** The id of each environment by its name. */
  readonly environmentIds: Readonly<Record<string, string>>;
  /** The runtime token of each environment by its name. */
  readonly runtimeTokens: Readonly<Record<string, string>>;
}

/** A server as a payments team has it after some weeks. */
export interface Site extends AsyncDisposable {
  readonly server: TestServer;
  readonly url: string;
  readonly admin: SignetClient;
  readonly adminToken: string;
  readonly receiver: AnsweringReceiver;
  /** dev, staging, prod with twelve versions, a fleet and a rollback. */
  readonly payments: SitePlace;
  /** dev, prod-eu, prod-us, prod-ap, which a pipeline joins. */
  readonly guardrails: SitePlace;
  readonly pipelineId: string;
  readonly webhookIds: readonly string[];
}

/**
 * Starts one; `settings` are environment variables on top of the test's own.
 *
 * @param before called before each version that is published, so that a test can move the clock
 */
export async function startSite(
  settings: Readonly<Record<string, string>> = {},
  before: () => void = () => {},
): Promise<Site> {
  const receiver = await startAnsweringReceiver();
  const server = await startTestServer({
    SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8",
    SIGNET_WEBHOOK_RETRY_SECONDS: "0",
    ...settings,
  });
  const { admin, orgId, url } = server;
  await admin.organizations.updateOrganization({ orgId, name: "Northwind Payments", updateMask: { paths: ["name"] } });
  await admin.organizations.deleteProject({ orgId, projectId: server.projectId, force: true });
  await admin.organizations.createOrganization({ name: "Contoso Sandbox" });
  const webhookIds = await createWebhooks(server, receiver);
  const payments = await createPlace(server, "Payment limits", ["dev", "staging", "prod"]);
  const guardrails = await createPlace(server, "Assistant guardrails", ["dev", "prod-eu", "prod-us", "prod-ap"]);
  const people = await createPeople(server);
  await publishPayments(people, payments, before);
  const pipelineId = await publishGuardrails(people, guardrails, before);
  before();
  await createTokens(server, payments);
  await reportFleets(server, payments);
  return {
    ...{ server, url, admin, adminToken: ADMIN_TOKEN, receiver, payments, guardrails, pipelineId, webhookIds },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await receiver[Symbol.asyncDispose]();
    },
  };
}

/** A project with a runtime token for each environment. */
export async function createPlace(
  { admin, orgId }: Pick<TestServer, "admin" | "orgId">,
  name: string,
  environments: string[],
): Promise<SitePlace> {
  const { slug: org } = await admin.organizations.getOrganization({ orgId });
  const made = await admin.organizations.createProject({ orgId, name, environments, runtimeKeys: true });
  return {
    ...{ org, orgId, project: made.slug, projectId: made.id },
    environmentIds: Object.fromEntries(made.environments.map((environment) => [environment.name, environment.id])),
    runtimeTokens: Object.fromEntries(made.runtimeKeys.map(({ envName, rawKey }) => [envName, rawKey])),
  };
}

/** One whose target takes everything, and one whose target is broken. */
async function createWebhooks({ admin, orgId }: TestServer, receiver: AnsweringReceiver): Promise<string[]> {
  const good = await admin.webhooks.createWebhook({ orgId, url: `${receiver.url}/200/deployments`, events: ["*"] });
  const bad = await admin.webhooks.createWebhook({ orgId, url: `${receiver.url}/503/pager`, events: ["bundle.*"] });
  return [good.id, bad.id];
}

/** One of each kind, with the names that people give them. */
async function createTokens({ admin, orgId }: TestServer, { projectId, environmentIds }: SitePlace): Promise<void> {
  await admin.tokens.createCiToken({
    orgId,
    projectId,
    name: "github-actions payment-policies",
    environments: ["dev"],
  });
  const environmentId = environmentIds["prod"] ?? "";
  await admin.tokens.createRuntimeToken({
    orgId,
    projectId,
    environmentId,
    name: "gateway us-east-1",
    expiresInDays: 7,
  });
  await admin.tokens.createViewerToken({ orgId, name: "auditor", audit: true, expiresInDays: 90 });
  await admin.tokens.createMetricsToken({ orgId, name: "prometheus" });
}

/** Clients with the tokens of those who work here: a person, and a pipeline of their repository. */
interface People {
  readonly author: SignetClient;
  readonly releaser: SignetClient;
  readonly onCall: SignetClient;
}

async function createPeople(server: TestServer): Promise<People> {
  const { admin, orgId } = server;
  const named = async (name: string) => {
    const { rawKey = "" } = await admin.tokens.createAdminToken({ orgId, name });
    return server.clientFor(rawKey);
  };
  return {
    author: await named("Mara Lindqvist"),
    releaser: await named("Amara Okafor"),
    onCall: await named("Jonas Weber, on call"),
  };
}

/** Twelve versions in dev, some of them in staging and prod, and one that prod had to give up. */
async function publishPayments(
  { author, releaser, onCall }: People,
  { orgId, projectId }: SitePlace,
  before: () => void,
): Promise<void> {
  const at = { orgId, projectId };
  const promote = (sourceEnv: string, reason: string) => releaser.bundles.promoteBundle({ ...at, sourceEnv, reason });
  for (const [index, { title, by, revision }] of PAYMENT_CHANGES.entries()) {
    const n = index + 1;
    before();
    await author.bundles.publishBundle({
      ...{ ...at, envName: "dev", policies: paymentPolicy(n), title, publishedBy: by },
      description: `Approved in the risk board of week ${20 + n}.`,
      labels: { ticket: `RISK-${400 + n * 7}`, team: n % 3 === 0 ? "treasury" : "risk" },
      source: {
        repository: "northwind/payment-policies",
        revision,
        url: `https://git.northwind.example/payment-policies/commit/${revision}`,
      },
    });
    if (n === 3 || n === 6 || n === 9 || n === 11) await promote("dev", `RISK-${400 + n * 7}: tests are green`);
    if (n === 6 || n === 9) await promote("staging", `Release ${n / 3}: approved by the risk board`);
  }
  await onCall.bundles.rollbackBundle({
    ...{ ...at, envName: "prod", toVersion: 1 },
    reason: "INC-2291: transfers to SECO-listed banks hang, back until screening answers in time",
  });
  await promote("staging", "INC-2291 is resolved: screening has a timeout now");
}

/** A policy in dev that a pipeline brings to three regions, one of which is behind. Returns the pipeline's id. */
async function publishGuardrails({ author, releaser }: People, place: SitePlace, before: () => void): Promise<string> {
  const { orgId, projectId, environmentIds } = place;
  const created = await author.pipelines.createPipeline({
    displayName: "Guardrails by region",
    type: "trunk",
    projectId,
  });
  const [first = "", last = ""] = [created.stages[0]?.id, created.stages.at(-1)?.id];
  const appOf = (name: string) => environmentIds[name] ?? "";
  await author.pipelines.addPipelineApp({ id: created.id, stageId: first, appId: appOf("dev") });
  for (const name of ["prod-eu", "prod-us", "prod-ap"]) {
    await author.pipelines.addPipelineApp({ id: created.id, stageId: last, appId: appOf(name) });
  }
  for (let n = 1; n <= 4; n += 1) {
    const policies = guardrailPolicy(n);
    const title =
      ["First guardrails", "Refuse investment advice", "Allow the vision model", "Block leaked IBANs"][n - 1] ?? "";
    const publishedBy = "priya.raman@northwind.example";
    before();
    await author.bundles.publishBundle({ orgId, projectId, envName: "dev", policies, title, publishedBy });
    if (n === 2 || n === 4) {
      await releaser.pipelines.promotePipeline({
        ...{ id: created.id, sourceAppId: appOf("dev"), reason: n === 2 ? "Launch" : "EU and US first" },
        targetAppIds: (n === 2 ? ["prod-eu", "prod-us", "prod-ap"] : ["prod-eu", "prod-us"]).map(appOf),
      });
    }
  }
  return created.id;
}

/** 24 gateways in prod of which some are behind and one rejects, and fewer before. */
async function reportFleets(server: TestServer, place: SitePlace): Promise<void> {
  const { orgId, projectId, runtimeTokens } = place;
  const { environments } = await server.admin.organizations.listEnvironments({ orgId, projectId });
  for (const { name, sequence } of environments) {
    await reportFleet({
      ...{
        runtime: server.clientFor(runtimeTokens[name] ?? ""),
        name: "gateway",
        sequence,
        olderSequence: sequence - 1,
      },
      count: { dev: 2, staging: 6, prod: 24 }[name] ?? 0,
      standingOf: (index) => {
        if (name !== "prod") return "applied";
        return index === 7 ? "rejected" : index % 8 === 3 ? "behind" : "applied";
      },
    });
  }
}

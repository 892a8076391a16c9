/** Ids and hashes by the order in which they first appear, so that two lives can be compared. The project's id is `project`. */
export function symbolic(value: unknown, projectId: string): unknown {
  const names = new Map([[projectId, "project"]]);
  const counts = { id: 0, hash: 0 };
  const text = JSON.stringify(value).replace(
    /sha256:[0-9a-f]{64}|[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g,
    (found) => {
      const kind = found.startsWith("sha256:") ? "hash" : "id";
      const name = names.get(found) ?? `${kind}${(counts[kind] += 1)}`;
      names.set(found, name);
      return name;
    },
  );
  return JSON.parse(text) as unknown;
}

const FIRST = {
  title: "First",
  description: "With scopes.",
  labels: { team: "trust", constructor: "x" },
  source: { repository: "policies", revision: "abc123", url: "https://example.com/abc123" },
};
const PLAIN = { title: null, description: null, labels: {}, source: null };
const published = { isActive: true, publishedBy: null, origin: "publish" };
const promoted = { isActive: true, publishedBy: null, origin: "promote" };

const firstProd = {
  id: "id6",
  ...{ ...promoted, ...FIRST, publishedBy: "rita", version: 1, policyHash: "hash4", sequence: 1 },
  deploymentId: "id7",
};
const rollback = { ...firstProd, sequence: 3, deploymentId: "id13" };
/** The statements of an activation where no release is asked for. */
const attested = ["lease", "activation"];
const admin = ["read", "write", "bundle:publish", "org:admin"];

/** What `liveThrough` hears over every protocol. */
export const EXPECTED_LIFE = {
  seen: [
    {
      attested: ["lease"],
      event: "nothing_active",
      sequence: 0,
      version: null,
      policyHash: null,
      deploymentId: null,
      kind: null,
    },
    {
      attested,
      event: "activation",
      sequence: 1,
      version: 1,
      policyHash: "hash1",
      deploymentId: "id1",
      kind: "publish",
    },
    {
      attested,
      event: "activation",
      sequence: 2,
      version: 2,
      policyHash: "hash2",
      deploymentId: "id2",
      kind: "publish",
    },
  ],
  bundles: {
    first: {
      ...{ ...published, ...FIRST, publishedBy: "ci-bot", version: 1, policyHash: "hash1", sequence: 1 },
      ...{ id: "id3", deploymentId: "id1" },
    },
    // Scope policies that name the source name the target: another hash in each stage.
    firstStaging: {
      ...{ ...promoted, ...FIRST, publishedBy: "rita", version: 1, policyHash: "hash3", sequence: 1 },
      ...{ id: "id4", deploymentId: "id5" },
    },
    firstProd,
    // Without any, the hash survives promotion.
    second: { ...published, ...PLAIN, version: 2, policyHash: "hash2", sequence: 2, id: "id8", deploymentId: "id2" },
    secondStaging: {
      ...{ ...promoted, ...PLAIN, version: 2, policyHash: "hash2", sequence: 2 },
      ...{ id: "id9", deploymentId: "id10" },
    },
    secondProd: {
      ...{ ...promoted, ...PLAIN, version: 2, policyHash: "hash2", sequence: 2 },
      ...{ id: "id11", deploymentId: "id12" },
    },
    rollback,
  },
  scopes: [{ "*:*:*:prod": { pii: { enabled: false } }, "acme:*:*:*": { abuse: { enabled: true } } }, {}],
  latest: [
    { notModified: false, etag: "hash2.2", sequence: 2, deploymentId: "id12" },
    { notModified: false, etag: "hash4.3", sequence: 3, deploymentId: "id13" },
    { notModified: true, etag: "hash4.3", sequence: 3, deploymentId: "id13" },
  ],
  pushed: {
    ...{ attested, event: "activation", sequence: 3, version: 1, policyHash: "hash4", kind: "rollback" },
    deploymentId: "id13",
  },
  diff: [{ op: "remove", path: "/added" }],
  back: [],
  deployments: {
    total: 3,
    data: [
      { id: "id13", sequence: 3, version: 1, fromVersion: 2, kind: "rollback", bundleId: "id6", policyHash: "hash4" },
      { id: "id12", sequence: 2, version: 2, fromVersion: 1, kind: "promote", bundleId: "id11", policyHash: "hash2" },
      { id: "id7", sequence: 1, version: 1, fromVersion: null, kind: "promote", bundleId: "id6", policyHash: "hash4" },
    ].map((deployment) => ({ ...deployment, environment: "prod" })),
  },
  before: [
    { version: 2, isActive: false, sequence: 2 },
    { version: 1, isActive: true, sequence: 3 },
  ],
  afterDeletion: [rollback],
  whoami: [
    { keyType: "admin", scopes: admin, projectId: null, environment: null },
    { keyType: "runtime", scopes: ["read", "runtime"], projectId: "project", environment: "prod" },
  ],
  purposes: [
    { purpose: "bundles", isCurrent: true },
    { purpose: "audit", isCurrent: true },
    { purpose: "webhooks", isCurrent: true },
    { purpose: "attestation", isCurrent: true },
  ],
};

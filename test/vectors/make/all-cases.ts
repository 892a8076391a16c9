import type { VectorCase } from "../case.js";
import { contentCases } from "./cases/contents.js";
import { envelopeCases } from "./cases/envelopes.js";
import { identityCases } from "./cases/identities.js";
import { leaseCases } from "./cases/leases.js";
import { passCases } from "./cases/passes.js";
import { releaseCases } from "./cases/releases.js";
import { rootCases } from "./cases/roots.js";

/** All cases, by the name of their file. The same bytes each time. */
export async function allCases(): Promise<ReadonlyMap<string, readonly VectorCase[]>> {
  return new Map([
    ["envelopes", await envelopeCases()],
    ["identities", await identityCases()],
    ["leases", await leaseCases()],
    ["contents", await contentCases()],
    ["releases", await releaseCases()],
    ["roots", await rootCases()],
    ["passes", await passCases()],
  ]);
}

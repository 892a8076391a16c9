import type { VectorCase } from "../../case.js";
import { draft, empty, expired, fresh, good, next, refused, served, step } from "../draft.js";
import { after, content, leaseOf, ORG, PROJECT, START } from "../objects.js";

const nothing = {
  orgId: ORG,
  projectId: PROJECT,
  environment: "prod",
  rootVersion: 1,
  sequence: 0,
  activation: null,
  issuedAt: after(60),
  expiresAt: after(360),
};

/** Old packs, frozen servers and wrong clocks. */
export async function leaseCases(): Promise<readonly VectorCase[]> {
  const first = await good();
  const second = await next();
  const older = await next({ sequence: 6, bytes: content(50) });
  const hour = 3600;
  return [
    await refused(
      "new lease with the old activation",
      "mix_and_match",
      served({ ...second, activation: first.activation }),
    ),
    await refused("replay of an older pack", "rolled_back", served(older)),
    await draft("fail", "replay of an older pack: the very bytes of before", [
      step(START, served(first), fresh(7)),
      step(after(60), served(second), fresh(8)),
      step(after(90), served(first), fresh(8, "rolled_back")),
    ]),
    await draft("fail", "restart, then replay", [
      step(START, served(await good({ seconds: 86_400 })), fresh(7)),
      step(after(60), served(await next({ seconds: 86_400 })), fresh(8)),
      step(after(hour), null, fresh(8, "unavailable")),
      step(after(2 * hour), served(await good({ issuedAt: after(7000), seconds: 86_400 })), fresh(8, "rolled_back")),
    ]),
    await refused(
      "two activations with one sequence",
      "equivocation",
      served(await next({ sequence: 7, bytes: content(300) })),
    ),
    await draft("fail", "older lease", [
      step(after(60), served(await good({ issuedAt: after(60) })), fresh(7)),
      step(after(90), served(first), fresh(7, "lease_older")),
    ]),
    await draft("fail", "older lease: of a newer activation", [
      step(after(60), served(await good({ issuedAt: after(60) })), fresh(7)),
      step(after(90), served(await next({ issuedAt: after(30) })), fresh(7, "lease_older")),
    ]),
    await refused("lease from the future", "clock", served(await next({ issuedAt: after(60 + 61) }))),
    await refused(
      "lease from the future: in a year",
      "clock",
      served(await next({ issuedAt: after(365 * 24 * hour) })),
    ),
    await draft("fail", "own clock set back", [
      step(START, served(first), fresh(7)),
      step(after(-2 * hour), served(await good({ issuedAt: after(-2 * hour) })), fresh(7, "lease_expired")),
      step(after(-2 * hour), served(await next({ issuedAt: after(-2 * hour) })), fresh(7, "lease_expired")),
    ]),
    await draft("pass", "own clock set back: what runs stays as old as it is", [
      step(START, served(first), fresh(7)),
      step(after(200), served(await good({ issuedAt: after(200) })), fresh(7)),
      step(after(-hour), null, fresh(7, "unavailable")),
      step(after(501), null, expired(7, "unavailable")),
    ]),
    await draft("fail", "the same pack for ever (expires)", [
      step(START, served(first), fresh(7)),
      step(after(299), served(first), fresh(7)),
      step(after(300), served(first), expired(7, "lease_expired")),
      step(after(hour), served(first), expired(7, "lease_expired")),
    ]),
    await draft("fail", "expired lease at the first contact", [
      step(after(hour), served(first), empty("lease_expired")),
    ]),
    await draft("pass", "away for ever (expires)", [
      step(START, served(first), fresh(7)),
      step(after(299), null, fresh(7, "unavailable")),
      step(after(300), null, expired(7, "unavailable")),
      step(after(400), served(await good({ issuedAt: after(400) })), fresh(7)),
    ]),
    await refused("nothing active after something was", "rolled_back", served({ lease: await leaseOf(nothing) })),
    await refused(
      "lease with another sequence than its activation",
      "mix_and_match",
      served(await next({ lease: { sequence: 9 } })),
    ),
    await draft("fail", "a refusal changes nothing", [
      step(START, served(first), fresh(7)),
      step(after(60), served({ ...second, content: content(999) }), fresh(7, "digest_mismatch")),
      step(after(61), served(await good({ issuedAt: after(61) })), fresh(7)),
      step(after(120), served(await next({ issuedAt: after(120) })), fresh(8)),
    ]),
  ];
}

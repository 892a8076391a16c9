import type { VectorCase } from "../../case.js";
import { draft, empty, expired, fresh, good, next, refused, served, step } from "../draft.js";
import { keys } from "../keys.js";
import { after, content, sha256, signRoot, siteRoot, START } from "../objects.js";
import { payloadDigest, tampered } from "../tamper.js";

const { alice, bob, carol, dave, activation, root: rootKeys } = keys;

/** What authors sign, and what a server makes of it. */
export async function releaseCases(): Promise<readonly VectorCase[]> {
  const parts = await next();
  const other = await next({ number: 5 });
  const releaseOf = ({ release }: { release: string | null }) => release ?? "";
  const digest = sha256(content(200));
  const aliceTwice = tampered(releaseOf(await next({ authors: [alice] })), ({ signatures }) => {
    signatures.push({ ...signatures[0], keyid: bob.id, sig: signatures[0]?.sig ?? "" });
  });
  const numbered = { root: await signRoot(siteRoot({ rollback: "release" })) };
  const two = siteRoot({ version: 2, revoked: [digest] });
  const first = await good({ releaseExpiresAt: after(120) });
  const third = { sequence: 9, bytes: content(100), issuedAt: after(90) };
  return [
    await refused(
      "released for dev, activated in prod",
      "release_missing",
      served(await next({ released: new Map([["dev", digest]]) })),
    ),
    await refused(
      "released for dev, activated in prod: with another content for prod",
      "digest_mismatch",
      served(
        await next({
          released: new Map([
            ["dev", digest],
            ["prod", sha256(content(100))],
          ]),
        }),
      ),
    ),
    await refused("one author twice", "bad_signature", served({ ...parts, release: aliceTwice })),
    await refused("one of two authors", "bad_signature", served(await next({ authors: [alice] }))),
    await refused(
      "one of two authors, and somebody else",
      "bad_signature",
      served(await next({ authors: [alice, dave] })),
    ),
    await refused(
      "signed by the server instead of the authors",
      "bad_signature",
      served(await next({ authors: [activation] })),
    ),
    await refused(
      "signed by root keys instead of the authors",
      "bad_signature",
      served(await next({ authors: rootKeys })),
    ),
    await refused(
      "an author of prod alone in staging",
      "bad_signature",
      served(await next({ environment: "staging", authors: [carol] })),
      { environment: "staging" },
    ),
    await refused("not the release of the activation", "mix_and_match", served({ ...parts, release: other.release })),
    await refused(
      "release of another media type than the activation",
      "mix_and_match",
      served(await next({ activation: { mediaType: "application/vnd.other+json" } })),
    ),
    await refused("activation that names no release", "release_missing", served(await next({ number: null }))),
    await refused(
      "activation that names no release, with one beside it",
      "release_missing",
      served({ ...(await next({ number: null })), release: parts.release }),
    ),
    await refused("expired release", "release_expired", served(await next({ releaseExpiresAt: after(60) }))),
    await draft("fail", "expired release: at the first contact", [
      step(START, served(await good({ releaseExpiresAt: after(-1) })), empty("release_expired")),
    ]),
    await draft("pass", "a release that runs out while it runs", [
      step(START, served(first), fresh(7)),
      step(after(119), served(await good({ releaseExpiresAt: after(120), issuedAt: after(119) })), fresh(7)),
      step(after(120), served(await good({ releaseExpiresAt: after(120), issuedAt: after(120) })), expired(7)),
      step(after(180), served(await next({ issuedAt: after(180) })), fresh(8)),
    ]),
    await refused("revoked release", "revoked", served(parts), {
      root: await signRoot(siteRoot({ revoked: [payloadDigest(releaseOf(parts))] })),
    }),
    await draft("fail", "revoked content: while it runs", [
      step(after(60), served(parts), fresh(8)),
      step(after(90), served(await next({ issuedAt: after(90), rootVersion: 2 }), { 2: await signRoot(two) }), {
        state: "revoked",
        sequence: 8,
        error: "revoked",
      }),
      step(after(100), null, { state: "revoked", sequence: 8, error: "unavailable" }),
      step(after(120), served(await next({ ...third, number: 5, issuedAt: after(120), rootVersion: 2 })), fresh(9)),
    ]),
    await draft("fail", "revoked release: while it runs", [
      step(after(60), served(parts), fresh(8)),
      step(
        after(90),
        served(await next({ issuedAt: after(90), rootVersion: 2 }), {
          2: await signRoot(siteRoot({ version: 2, revoked: [payloadDigest(releaseOf(parts))] })),
        }),
        { state: "revoked", sequence: 8, error: "revoked" },
      ),
    ]),
    await draft(
      "fail",
      "rollback to a lower release with rollback: release",
      [
        step(after(60), served(parts), fresh(8)),
        step(after(90), served(await next({ ...third, number: 3 })), fresh(8, "rolled_back")),
      ],
      numbered,
    ),
    await draft(
      "pass",
      "rollback by a new release with rollback: release",
      [
        step(after(60), served(parts), fresh(8)),
        step(after(90), served(await next({ ...third, number: 5 })), fresh(9)),
      ],
      numbered,
    ),
    await draft(
      "pass",
      "the same release again with rollback: release",
      [
        step(after(60), served(parts), fresh(8)),
        step(after(90), served(await next({ sequence: 9, issuedAt: after(90) })), fresh(9)),
      ],
      numbered,
    ),
    await draft(
      "fail",
      "a root that begins to ask for releases",
      [
        step(START, served(await good({ number: null })), fresh(7)),
        step(
          after(60),
          served(await good({ number: null, issuedAt: after(60), rootVersion: 2 }), {
            2: await signRoot(siteRoot({ version: 2 })),
          }),
          expired(7, "release_missing"),
        ),
        step(after(120), served(await next({ issuedAt: after(120), rootVersion: 2 })), fresh(8)),
      ],
      { root: await signRoot(siteRoot({ environments: new Map() })) },
    ),
  ];
}

import type { Root } from "../../../../src/bundle/trust/root.js";
import type { VectorCase } from "../../case.js";
import { draft, expired, fresh, good, next, refused, refusedRoot, served, step } from "../draft.js";
import { keys, type VectorKey } from "../keys.js";
import { after, keyMap, OTHER_ORG, OTHER_PROJECT, rule, sign, signRoot, siteRoot, START } from "../objects.js";
import { flippedPayload, flippedSignature, payloadText, resigned, tampered } from "../tamper.js";

const { root: old, nextRoot, activation, lease, alice, bob, carol, stranger } = keys;
const [old1, old2, old3] = old;

function second(changes: Partial<Root> = {}): Root {
  return siteRoot({ version: 2, ...changes });
}

/** Roots that a server serves, and those that a runtime is given. */
export async function rootCases(): Promise<readonly VectorCase[]> {
  const parts = await next({ rootVersion: 2 });
  const withRoot = async (name: string, code: string, envelope: string) =>
    await refused(name, code, served(parts, { 2: envelope }));
  const of = async (changes: Partial<Root>, by: readonly VectorKey[] = [old1, old2]) =>
    await signRoot(second(changes), by);
  const { roles } = siteRoot();
  const envelope = await of({});
  const newKeys = {
    keys: keyMap(...nextRoot, activation, lease, alice, bob, carol),
    roles: { ...roles, root: rule(2, ...nextRoot) },
  };
  const swapped = async (version: number) =>
    await resigned(
      await signRoot(siteRoot({ version })),
      (text) => {
        const { keys: byId } = JSON.parse(text) as { keys: Record<string, string> };
        return text.replace(
          `"${activation.id}":"${byId[activation.id]}"`,
          `"${activation.id}":"${base64Of(stranger)}"`,
        );
      },
      [old1, old2],
    );
  const shortLived = { root: await signRoot(siteRoot({ expiresAt: after(30) })) };
  return [
    await refused("root that ran out", "root_expired", served(await next()), shortLived),
    await withRoot("root that ran out: the next one", "root_expired", await of({ expiresAt: after(60) })),
    await refused("root not served", "root_withheld", served(parts)),
    await withRoot("root skips", "root_version", await of({ version: 3 })),
    await withRoot("root repeats", "root_version", await signRoot(siteRoot())),
    await withRoot("root of another project", "wrong_identity", await of({ projectId: OTHER_PROJECT })),
    await withRoot("root of another organization", "wrong_identity", await of({ orgId: OTHER_ORG })),
    await withRoot("root signed by one old key", "bad_signature", await of({}, [old1])),
    await withRoot(
      "root signed by one old key, twice",
      "bad_signature",
      tampered(await of({}, [old1]), ({ signatures }) => {
        signatures.push({ keyid: old2.id, sig: signatures[0]?.sig ?? "" });
      }),
    ),
    await withRoot("root signed by one old key and a stranger", "bad_signature", await of({}, [old1, stranger])),
    await withRoot("root not signed by its own new keys", "bad_signature", await of(newKeys)),
    await withRoot(
      "root signed by one of its own new keys",
      "bad_signature",
      await of(newKeys, [old1, old2, nextRoot[0]]),
    ),
    await withRoot("root signed by its own new keys alone", "bad_signature", await of(newKeys, nextRoot)),
    await withRoot("root signed by the server", "bad_signature", await of({}, [activation, lease])),
    await withRoot("bit of payload: root", "bad_signature", flippedPayload(envelope)),
    await withRoot("bit of signature: root", "bad_signature", flippedSignature(envelope)),
    await withRoot(
      "payloadType changed: root",
      "bad_signature",
      tampered(envelope, (json) => {
        json.payloadType = "application/json";
      }),
    ),
    await withRoot(
      "root of another payload type",
      "wrong_type",
      await sign("application/json", payloadText(envelope), [old1, old2]),
    ),
    await withRoot(
      "root of another type",
      "wrong_type",
      await resigned(envelope, (text) => text.replace("signet-root/1", "signet-root/2"), [old1, old2]),
    ),
    await withRoot(
      "duplicate key in a payload: root",
      "malformed",
      await resigned(envelope, (text) => text.replace('"version":2', '"version":2,"version":2'), [old1, old2]),
    ),
    await withRoot(
      "an envelope above 64 KiB: root",
      "too_large",
      tampered(envelope, (json) => {
        json.signatures.push({ keyid: "0".repeat(65_536), sig: "" });
      }),
    ),
    await withRoot(
      "threshold 0 for activation",
      "bad_root",
      await of({ roles: { ...roles, activation: rule(0, activation) } }),
    ),
    await withRoot("threshold 0 for lease", "bad_root", await of({ roles: { ...roles, lease: rule(0, lease) } })),
    await withRoot(
      "threshold 0 for activation: in an environment",
      "bad_root",
      await of({
        environments: new Map([["prod", { activation: rule(0, activation) }]]),
      }),
    ),
    await withRoot(
      "threshold 0 for activation, and no key",
      "bad_root",
      await of({ roles: { ...roles, activation: rule(0) } }),
    ),
    await withRoot(
      "a threshold above the number of keys",
      "bad_root",
      await of({ roles: { ...roles, lease: rule(2, lease) } }),
    ),
    await withRoot(
      "a key twice in a rule",
      "bad_root",
      await of({ roles: { ...roles, lease: rule(2, lease, lease) } }),
    ),
    await withRoot(
      "a rule with a key that is not in the root",
      "bad_root",
      await of({ roles: { ...roles, lease: rule(1, stranger) } }),
    ),
    await withRoot("a key under another key's id", "bad_root", await swapped(2)),
    await refusedRoot("a key under another key's id: in the pinned root", "bad_root", await swapped(1)),
    await refusedRoot(
      "threshold 0 for activation: in the pinned root",
      "bad_root",
      await signRoot(siteRoot({ roles: { ...roles, activation: rule(0) } })),
    ),
    await refusedRoot("bit of payload: pinned root", "bad_signature", await resignedWithout()),
    await refusedRoot("pinned root with one signature", "bad_signature", await signRoot(siteRoot(), [old1])),
    await refusedRoot(
      "pinned root of another project",
      "wrong_identity",
      await signRoot(siteRoot({ projectId: OTHER_PROJECT })),
    ),
    await refusedRoot("pinned root that is not JSON", "malformed", '"root"'),
    await draft("fail", "a root key that an earlier root removed", [
      step(START, served(await good()), fresh(7)),
      step(
        after(60),
        served(await next({ rootVersion: 3 }), {
          2: await of({ roles: { ...roles, root: rule(2, old2, old3) } }, [old1, old2, old3]),
          3: await signRoot(siteRoot({ version: 3 }), [old1, old2]),
        }),
        fresh(7, "bad_signature"),
      ),
    ]),
    await draft("fail", "online keys that the newest root does not name", [
      step(START, served(await good()), fresh(7)),
      step(
        after(60),
        served(parts, {
          2: await of({
            keys: keyMap(...old, keys.nextActivation, keys.nextLease, alice, bob, carol),
            roles: { ...roles, activation: rule(1, keys.nextActivation), lease: rule(1, keys.nextLease) },
          }),
        }),
        expired(7, "bad_signature"),
      ),
    ]),
  ];
}

/** The pinned root, of which a time was changed and nothing was signed again. */
async function resignedWithout(): Promise<string> {
  return tampered(await signRoot(siteRoot()), (json) => {
    const text = Buffer.from(json.payload, "base64").toString();
    json.payload = Buffer.from(text.replace('"expires_at":"2027', '"expires_at":"2037')).toString("base64");
  });
}

function base64Of({ key }: VectorKey): string {
  return Buffer.from(key.bytes).toString("base64");
}

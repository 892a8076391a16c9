import type { VectorCase } from "../../case.js";
import { draft, empty, fresh, good, next, refused, served, step } from "../draft.js";
import { after, content, sha256, signRoot, siteRoot, START } from "../objects.js";

/** The bytes of the content, on the way and on the client's disk. */
export async function contentCases(): Promise<readonly VectorCase[]> {
  const parts = await next();
  const { content: bytes } = parts;
  const longer = new Uint8Array([...bytes, 0x20]);
  const changed = Uint8Array.from(bytes, (byte, index) => (index === 20 ? byte ^ 1 : byte));
  const first = served(await good());
  const serve = (body: Uint8Array) => served({ ...parts, content: body });
  const terabyte = await next({ activation: { size: 2 ** 40 } });
  const revoking = { root: await signRoot(siteRoot({ revoked: [sha256(content(200))] })) };
  return [
    await refused("content longer", "too_large", serve(longer)),
    await refused("content longer: 64 KiB", "too_large", serve(new Uint8Array(1 << 16))),
    await refused("content shorter", "truncated", serve(bytes.subarray(0, -1))),
    await refused("content shorter: nothing", "truncated", serve(new Uint8Array())),
    await refused("content changed", "digest_mismatch", serve(changed)),
    await refused("content of another activation", "digest_mismatch", serve(content(999))),
    await refused("declares 1 TB", "too_large", served(terabyte)),
    await refused("declares more than 16 MiB", "too_large", served(await next({ activation: { size: 2 ** 24 + 1 } }))),
    await refused(
      "declares one byte less",
      "too_large",
      served(await next({ activation: { size: bytes.length - 1 } })),
    ),
    await refused(
      "declares one byte more",
      "truncated",
      served(await next({ activation: { size: bytes.length + 1 } })),
    ),
    await refused("revoked content", "revoked", served(parts), revoking),
    await draft("fail", "changed bytes in the cache", [
      step(START, first, fresh(7)),
      { ...step(after(60), null, empty("digest_mismatch")), damage: "content" },
    ]),
    await draft("fail", "changed bytes in the cache: floors are kept", [
      step(START, first, fresh(7)),
      {
        ...step(after(60), served(await next({ sequence: 6, bytes: content(50) })), empty("rolled_back")),
        damage: "content",
      },
    ]),
    await draft("pass", "changed bytes in the cache: fetched again", [
      step(START, first, fresh(7)),
      { ...step(after(60), served(await good({ issuedAt: after(60) })), fresh(7)), damage: "content" },
    ]),
  ];
}

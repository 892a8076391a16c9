import { describe, expect, test } from "vitest";
import { createPages } from "../../../src/api/pages/pages.js";
import { referencePages } from "../../../src/api/pages/reference-pages.js";
import { readAsset } from "../../../src/assets/assets.js";
import { openBuilt } from "../../../src/assets/built.js";
import { openRig } from "../http/rig.js";

const reads: string[] = [];
const MANUAL = openBuilt("manual");
const PAGES = referencePages((name) => {
  reads.push(name);
  return readAsset(name);
}, MANUAL);

describe("pages", () => {
  test("/openapi.json comes without a token, with a tag, and is read once", async () => {
    await using rig = await openRig({ pages: PAGES });
    const answer = await fetch(`${rig.url}/openapi.json`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(answer.headers.get("cache-control")).toBe("no-cache");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(await answer.json()).toMatchObject({ openapi: "3.1.0", servers: [{ url: "/" }] });
    const etag = answer.headers.get("etag") ?? "";
    expect(etag).toMatch(/^"[\w-]{43}"$/);
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      const again = await fetch(`${rig.url}/openapi.json`, { headers: { "if-none-match": tag } });
      expect([again.status, await again.text()]).toEqual([304, ""]);
    }
    const other = await fetch(`${rig.url}/openapi.json`, { headers: { "if-none-match": '"other"' } });
    expect([other.status, other.headers.get("etag")]).toEqual([200, etag]);
    expect(reads.filter((name) => name === "openapi.json")).toHaveLength(1);
    expect(rig.authenticated).toEqual([]);
  });

  test("pages of the manual turn no text into markup; Swagger UI at /docs has to", async () => {
    await using rig = await openRig({ pages: PAGES });
    const policyOf = async (path: string) => (await fetch(rig.url + path)).headers.get("content-security-policy");
    expect(await policyOf("/docs/cli")).toContain("require-trusted-types-for 'script'");
    expect(await policyOf("/docs")).not.toContain("trusted-types");
  });

  test("/docs loads files of this server only, and its policy lets nothing else in", async () => {
    await using rig = await openRig({ pages: PAGES });
    const page = await fetch(`${rig.url}/docs`);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const policy = page.headers.get("content-security-policy") ?? "";
    expect(policy).toMatch(/^default-src 'none';/);
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    const html = await page.text();
    // No inline script or style: the policy would refuse them.
    expect(html).not.toMatch(/<style|style=|<script>|javascript:|\son\w+=/);
    const linked = [...html.matchAll(/(?:src|href|data-index)="([^"#]+)"/g)].map(([, target = ""]) => target);
    expect(linked).toContain("docs/swagger-ui-bundle.js");
    for (const target of new Set(linked)) {
      const file = await fetch(new URL(target, `${rig.url}/docs`), { headers: { "accept-encoding": "identity" } });
      expect(file.status, target).toBe(200);
      expect(Number(file.headers.get("content-length")), target).toBe((await file.arrayBuffer()).byteLength);
    }
  });

  test("the manual is compressed, its assets are kept for a year, and each form has a tag of its own", async () => {
    await using rig = await openRig({ pages: PAGES });
    const ask = async (path: string, encoding: string) =>
      await fetch(rig.url + path, { headers: { "accept-encoding": encoding } });
    const forms = await Promise.all(["br", "gzip", "identity"].map((encoding) => ask("/docs/cli", encoding)));
    expect(forms.map(({ headers }) => headers.get("content-encoding"))).toEqual(["br", "gzip", null]);
    expect(new Set(forms.map(({ headers }) => headers.get("etag"))).size).toBe(3);
    expect(new Set(await Promise.all(forms.map(async (form) => await form.text()))).size).toBe(1);
    for (const { headers } of forms)
      expect([headers.get("vary"), headers.get("cache-control")]).toEqual(["Accept-Encoding", "no-cache"]);
    const style = MANUAL?.files.find(({ path }) => path.endsWith(".css"))?.path ?? "";
    expect((await ask(`/docs/${style}`, "br")).headers.get("cache-control")).toContain("immutable");
    for (const path of ["/openapi.json", "/docs/swagger-ui-bundle.js"])
      expect((await ask(path, "br, gzip")).headers.get("content-encoding"), path).toBe("gzip");
  });

  test("without a build /docs says so, and the API is described all the same", async () => {
    await using rig = await openRig({ pages: referencePages(readAsset, null) });
    expect(await (await fetch(`${rig.url}/docs`)).text()).toContain("npm run build:compile");
    expect((await fetch(`${rig.url}/openapi.json`)).status).toBe(200);
  });

  test("HEAD has no body, other methods are 405 with Allow, other paths stay what they are", async () => {
    await using rig = await openRig({ pages: PAGES });
    const head = await fetch(`${rig.url}/docs`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    const post = await fetch(`${rig.url}/openapi.json`, { method: "POST", body: "x".repeat(100_000) });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    for (const path of ["/docs/", "/docs/../openapi.json.bak", "/docs/swagger-ui.css.map"]) {
      expect((await fetch(rig.url + path)).status, path).toBe(400);
    }
  });

  test("a file that cannot be read is an error without a word of why", async () => {
    const read = () => {
      throw new Error("ENOENT /secret/path");
    };
    await using rig = await openRig({ pages: [{ path: "/gone", contentType: "text/plain", read }] });
    const answer = await fetch(`${rig.url}/gone`);
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain("secret");
  });

  test("two pages with one path do not start", () => {
    const page = { path: "/a", contentType: "text/plain", read: () => new Uint8Array() };
    expect(() => createPages([page, page])).toThrow("same path");
  });
});

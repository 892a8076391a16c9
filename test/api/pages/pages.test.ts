import { describe, expect, test } from "vitest";
import { createPages } from "../../../src/api/pages/pages.js";
import { referencePages } from "../../../src/api/pages/reference-pages.js";
import { readAsset } from "../../../src/assets/assets.js";
import { openRig } from "../http/rig.js";

const reads: string[] = [];
const PAGES = referencePages((name) => {
  reads.push(name);
  return readAsset(name);
});

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
    const linked = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, target = ""]) => target);
    expect(linked).toEqual([
      "data:,",
      "docs/swagger-ui.css",
      "openapi.json",
      "docs/swagger-ui-bundle.js",
      "docs/reference.js",
    ]);
    for (const target of linked.filter((each) => each !== "data:,")) {
      const file = await fetch(new URL(target, `${rig.url}/docs`));
      expect(file.status, target).toBe(200);
      expect(Number(file.headers.get("content-length")), target).toBe((await file.arrayBuffer()).byteLength);
    }
    expect(await (await fetch(`${rig.url}/docs/reference.js`)).text()).toContain("validatorUrl: null");
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

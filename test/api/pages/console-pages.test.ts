import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { connect } from "node:http2";
import { buffer } from "node:stream/consumers";
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { ConsoleBuild } from "../../../src/api/pages/console-pages.js";
import { openRig, type RigOptions } from "../http/rig.js";

const HTML = '<!doctype html><head><base href="/console/" /></head><script src="assets/app-1.js"></script>';
const SCRIPT = "export const twice = (x) => [x, x];".repeat(100);
const JS = "text/javascript; charset=utf-8";
const read: string[] = [];

const BUILD: ConsoleBuild = {
  files: [
    { path: "assets/app-1.js", type: JS, encodings: ["br", "gzip"] },
    { path: "assets/tiny-2.js", type: JS, encodings: [] },
    { path: "index.html", type: "text/html; charset=utf-8", encodings: ["br", "gzip"] },
  ],
  read: (path, encoding) => {
    read.push(`${path} ${encoding ?? "plain"}`);
    const plain = path === "index.html" ? HTML : path === "assets/app-1.js" ? SCRIPT : "1";
    if (encoding === null) return Buffer.from(plain);
    return encoding === "br" ? brotliCompressSync(plain) : gzipSync(plain);
  },
};

const openConsole = (options: Partial<RigOptions> = {}) => openRig({ console: { build: BUILD }, ...options });

/** An answer as it comes over the wire: fetch would decode it, and lead on. */
async function ask(url: string, headers: Readonly<Record<string, string>> = {}, method = "GET") {
  const sent = request(url, { method, headers }).end();
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  return { status: answer.statusCode, headers: answer.headers, body: await buffer(answer) };
}

describe("the files of the console", () => {
  test.each([
    ["br, gzip, deflate", "br", (body: Buffer) => brotliDecompressSync(body)],
    ["gzip, deflate", "gzip", (body: Buffer) => gunzipSync(body)],
    ["gzip;q=1.0, br;q=0.5", "gzip", (body: Buffer) => gunzipSync(body)],
    ["*", "br", (body: Buffer) => brotliDecompressSync(body)],
    ["br;q=0, *", "gzip", (body: Buffer) => gunzipSync(body)],
    ["br;q=0, gzip;q=0.000", undefined, (body: Buffer) => body],
    ["br;q=2, gzip;q=x", undefined, (body: Buffer) => body],
    ["deflate, zstd", undefined, (body: Buffer) => body],
    ["", undefined, (body: Buffer) => body],
  ])("come for %j in the form %s, made at build", async (accept, encoding, decode) => {
    await using rig = await openConsole();
    const { status, headers, body } = await ask(`${rig.url}/console/assets/app-1.js`, { "accept-encoding": accept });
    expect(status).toBe(200);
    expect(headers["content-encoding"]).toBe(encoding);
    expect(headers["content-type"]).toBe(JS);
    expect(headers.vary).toBe("Accept-Encoding");
    expect(headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    expect(headers["content-length"]).toBe(String(body.byteLength));
    expect(decode(body).toString()).toBe(SCRIPT);
    expect(rig.authenticated).toEqual([]);
  });

  test("have a strong tag for each form, are read once, and answer conditions and HEAD", async () => {
    await using rig = await openConsole();
    const url = `${rig.url}/console/assets/app-1.js`;
    read.length = 0;
    const plain = await ask(url);
    const compressed = await ask(url, { "accept-encoding": "br" });
    const tags = [plain, compressed].map(({ headers }) => headers.etag ?? "");
    for (const tag of tags) expect(tag).toMatch(/^"[\w-]{43}"$/);
    expect(tags[0]).not.toBe(tags[1]);

    const again = await ask(url, { "accept-encoding": "br", "if-none-match": tags[1] ?? "" });
    expect([again.status, again.body.byteLength]).toEqual([304, 0]);
    expect(again.headers).toMatchObject({ etag: tags[1], vary: "Accept-Encoding" });
    expect(again.headers["content-encoding"]).toBeUndefined();
    expect((await ask(url, { "if-none-match": tags[1] ?? "" })).status).toBe(200);

    const head = await ask(url, { "accept-encoding": "br" }, "HEAD");
    expect([head.status, head.body.byteLength]).toEqual([200, 0]);
    expect(head.headers["content-length"]).toBe(compressed.headers["content-length"]);
    expect(read).toEqual(["assets/app-1.js plain", "assets/app-1.js br"]);
  });

  test("do not vary where there is one form, and Vary keeps what CORS says", async () => {
    await using rig = await openConsole({ corsOrigins: ["https://other.example"] });
    const vary = async (name: string) => (await ask(`${rig.url}/console/assets/${name}`)).headers.vary;
    expect(await vary("tiny-2.js")).toBe("Origin");
    expect(await vary("app-1.js")).toBe("Origin, Accept-Encoding");
  });

  test.each(["assets/app-2.js", "assets/", "assets/app-1.js.br", "assets/app-1.js/"])(
    "that are none are not the page: %s",
    async (name) => {
      await using rig = await openConsole();
      const { status, headers, body } = await ask(`${rig.url}/console/${name}`);
      expect(status).toBe(404);
      expect(headers["content-type"]).toBe("application/json");
      expect(body.toString()).not.toContain("<base");
    },
  );

  test("come over HTTP/2 too", async () => {
    await using rig = await openConsole();
    const session = connect(rig.url);
    try {
      const stream = session.request({ ":path": "/console/assets/app-1.js", "accept-encoding": "gzip" });
      const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
      expect([headers[":status"], headers["content-encoding"]]).toEqual([200, "gzip"]);
      expect(gunzipSync(await buffer(stream)).toString()).toBe(SCRIPT);
    } finally {
      session.close();
    }
  });
});

describe("the page of the console", () => {
  test.each([
    ["", "./"],
    ["system", "./"],
    ["orgs/acme", "../"],
    ["orgs/acme/projects/shop/versions?env=prod&q=%22%3E", "../../../../"],
    ['orgs/"><script>alert(1)</script>/x', "../../../"],
    ["index.html", "./"],
    ["sessions", "./"],
    [`${"a/".repeat(32)}b`, "../".repeat(32)],
  ])("at /console/%s has a base that leads back to the console", async (path, base) => {
    await using rig = await openConsole();
    const { status, headers, body } = await ask(`${rig.url}/console/${path}`, { host: 'x"><b>' });
    expect(status).toBe(200);
    expect(body.toString()).toBe(HTML.replace("/console/", base));
    expect(headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(headers["cache-control"]).toBe("no-cache");
    expect(headers["content-length"]).toBe(String(body.byteLength));
    const known = await ask(`${rig.url}/console/${path}`, { "if-none-match": headers.etag ?? "" });
    expect(known.status).toBe(304);
  });

  test("allows nothing but this origin, and no text as script", async () => {
    await using rig = await openConsole();
    for (const path of ["", "assets/app-1.js", "orgs/acme"]) {
      const { headers } = await ask(`${rig.url}/console/${path}`);
      expect(headers["content-security-policy"]).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
          "frame-ancestors 'none'; base-uri 'self'; form-action 'self'; require-trusted-types-for 'script'",
      );
      expect(headers).toMatchObject({
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
      });
      expect(headers["set-cookie"]).toBeUndefined();
    }
  });

  test("is deeper than any screen: 404", async () => {
    await using rig = await openConsole();
    expect((await ask(`${rig.url}/console/${"a/".repeat(33)}b`)).status).toBe(404);
  });

  test("/console leads there; other methods are 405; the session is not its own", async () => {
    await using rig = await openConsole();
    const led = await ask(`${rig.url}/console`);
    expect([led.status, led.headers.location]).toEqual([303, "console/"]);
    for (const path of ["/console", "/console/", "/console/assets/app-1.js"]) {
      const { status, headers } = await ask(rig.url + path, {}, "POST");
      expect([status, headers.allow]).toEqual([405, "GET, HEAD"]);
    }
    for (const path of ["/console/session", "/console/session/x", "/consoles"])
      expect((await ask(rig.url + path)).body.toString()).not.toContain("<base");
  });

  test("without a build says how to make one", async () => {
    await using rig = await openRig({ console: { build: null } });
    for (const path of ["", "orgs/acme", "assets/app-1.js"]) {
      const { status, headers, body } = await ask(`${rig.url}/console/${path}`);
      expect([status, headers["cache-control"]]).toEqual([503, "no-store"]);
      expect(headers["content-type"]).toBe("text/plain; charset=utf-8");
      expect(body.toString()).toContain("npm run build:compile");
    }
  });

  test("is not there when it is off", async () => {
    await using rig = await openRig();
    for (const path of ["/console", "/console/", "/console/assets/app-1.js"])
      expect((await ask(rig.url + path)).body.toString()).toBe("unauthenticated");
  });
});

const CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

describe("/", () => {
  test.each([
    [CHROME, true],
    ["text/html, application/xhtml+xml, */*", true],
    ["text/html;q=0.5, application/json;q=0.4", true],
    ["text/html, application/json", false],
    ["application/json, text/html;q=0.9", false],
    ["text/html;q=0, */*;q=0", false],
    ["*/*", false],
    ["application/json", false],
    [undefined, false],
  ])("Accept: %s is led to the console: %j", async (accept, isLed) => {
    await using rig = await openConsole();
    for (const method of ["GET", "HEAD"]) {
      const { status, headers } = await ask(`${rig.url}/`, accept === undefined ? {} : { accept }, method);
      expect(status).toBe(isLed ? 303 : 400);
      expect(headers.location).toBe(isLed ? "console/" : undefined);
      if (isLed) expect(headers).toMatchObject({ vary: "Accept", "cache-control": "no-store" });
    }
    expect((await ask(`${rig.url}/`, { accept: CHROME }, "POST")).status).toBe(400);
  });

  test("leads to the API's page without a console", async () => {
    await using rig = await openRig();
    expect((await ask(`${rig.url}/`, { accept: CHROME })).headers.location).toBe("docs");
  });

  test("stays below the prefix that all public URLs have, with and without its slash", async () => {
    const at = (path: string, origin = "https://a.example") => ({ origin, path });
    const leads = async (publicUrls: RigOptions["publicUrls"], path: string) => {
      await using rig = await openConsole({ publicUrls });
      return (await ask(rig.url + path, { accept: CHROME })).headers.location;
    };
    expect(await leads([at("/signet"), at("/signet", "https://b.example")], "/signet")).toBe("/signet/console/");
    expect(await leads([at("/signet")], "/")).toBe("/signet/console/");
    expect(await leads([at("/signet"), at("")], "/signet/")).toBe("console/");
    expect(await leads([at("/signet"), at("/signet/two")], "/signet/two/")).toBe("console/");
    expect(await leads([at("")], "/")).toBe("console/");
  });
});

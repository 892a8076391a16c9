import { gzipSync } from "node:zlib";
import type { Page } from "./pages.js";

/** What is shipped beside the manual. */
export type ReferenceAsset = "openapi.json" | "swagger-ui.css" | "swagger-ui-bundle.js";

/** The documentation as it was built (tools/build-manual.ts). */
export interface ManualBuild {
  readonly files: readonly {
    /** Below `/docs/`, for example `cli` or `assets/manual-1A2B3C4D.js`. */
    readonly path: string;
    /** Its Content-Type. */
    readonly type: string;
    readonly encodings: readonly ("br" | "gzip")[];
  }[];
  /** The bytes of a file in one of its encodings; null is as it is. */
  read(path: string, encoding: "br" | "gzip" | null): Uint8Array;
}

/** The page at /docs itself: the reference of the API. */
const REFERENCE = "reference";

const NOT_BUILT = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Signet documentation</title>
<p>The documentation is not built: run <code>npm run build:compile</code> and start the server again.
The API is described by <a href="openapi.json">openapi.json</a>.</p>
</html>
`;

/**
 * The document of the API at /openapi.json, which names `publicUrls` as its servers; at /docs a page that shows it, and below it the
 * pages of the manual: everything from here, nothing from other hosts.
 *
 * @param manual null where it was not built: /docs then says so
 */
export function referencePages(
  readAsset: (name: ReferenceAsset) => Uint8Array,
  manual: ManualBuild | null,
  publicUrls: readonly string[] = [],
): readonly Page[] {
  const openApi = (): Uint8Array =>
    publicUrls.length === 0 ? readAsset("openapi.json") : namingServers(readAsset("openapi.json"), publicUrls);
  return [
    gzipped("/openapi.json", "application/json", openApi),
    gzipped("/docs/swagger-ui.css", "text/css; charset=utf-8", () => readAsset("swagger-ui.css")),
    gzipped("/docs/swagger-ui-bundle.js", "text/javascript; charset=utf-8", () => readAsset("swagger-ui-bundle.js")),
    ...(manual === null ? [{ ...HTML, path: "/docs", read: () => Buffer.from(NOT_BUILT) }] : manualPages(manual)),
  ];
}

const HTML = { contentType: "text/html; charset=utf-8" };

function manualPages(manual: ManualBuild): readonly Page[] {
  return manual.files.map(({ path, type, encodings }) => ({
    path: path === REFERENCE ? "/docs" : `/docs/${path}`,
    contentType: type,
    encodings,
    isImmutable: path.startsWith("assets/"),
    // Swagger UI needs innerHTML.
    isPlain: path !== REFERENCE,
    read: (encoding) => manual.read(path, encoding),
  }));
}

/** A file of a fixed size that is compressed here, at its first request: a few milliseconds, once. */
function gzipped(path: string, contentType: string, read: () => Uint8Array): Page {
  return {
    path,
    contentType,
    encodings: ["gzip"],
    read: (encoding) => (encoding === null ? read() : gzipSync(read())),
  };
}

/** The document with the URLs by which its readers reach the server: `/` would leave a path before it out. */
function namingServers(document: Uint8Array, urls: readonly string[]): Uint8Array {
  const parsed = JSON.parse(Buffer.from(document).toString()) as { servers: { url: string }[] };
  const servers = urls.flatMap((url) => parsed.servers.map((server) => ({ ...server, url })));
  return Buffer.from(`${JSON.stringify({ ...parsed, servers }, null, 2)}\n`);
}

import type { Page } from "./pages.js";

/** What the reference page is made of, beside itself. */
export type ReferenceAsset = "openapi.json" | "swagger-ui.css" | "swagger-ui-bundle.js";

// Relative, so that a proxy may serve the whole below a prefix.
const HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Signet API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<noscript>This page needs JavaScript. The same is in <a href="openapi.json">openapi.json</a>.</noscript>
<div id="reference"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/reference.js"></script>
</body>
</html>
`;

// A token that is typed in stays in the memory of the page. Without a validatorUrl it is sent to no other server.
const SCRIPT = `SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  filter: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
`;

/**
 * The document of the API at /openapi.json, which names `publicUrls` as its servers, and at /docs a page that shows it: everything from here, nothing
 * from other hosts.
 */
export function referencePages(
  readAsset: (name: ReferenceAsset) => Uint8Array,
  publicUrls: readonly string[] = [],
): readonly Page[] {
  const text = (path: string, contentType: string, content: string): Page => ({
    path,
    contentType: `${contentType}; charset=utf-8`,
    read: () => Buffer.from(content),
  });
  const asset = (path: string, contentType: string, name: ReferenceAsset): Page => ({
    path,
    contentType,
    read: () => readAsset(name),
  });
  return [
    {
      path: "/openapi.json",
      contentType: "application/json",
      read: () =>
        publicUrls.length === 0 ? readAsset("openapi.json") : namingServers(readAsset("openapi.json"), publicUrls),
    },
    text("/docs", "text/html", HTML),
    text("/docs/reference.js", "text/javascript", SCRIPT),
    asset("/docs/swagger-ui.css", "text/css; charset=utf-8", "swagger-ui.css"),
    asset("/docs/swagger-ui-bundle.js", "text/javascript; charset=utf-8", "swagger-ui-bundle.js"),
  ];
}

/** The document with the URLs by which its readers reach the server: `/` would leave a path before it out. */
function namingServers(document: Uint8Array, urls: readonly string[]): Uint8Array {
  const parsed = JSON.parse(Buffer.from(document).toString()) as { servers: { url: string }[] };
  const servers = urls.flatMap((url) => parsed.servers.map((server) => ({ ...server, url })));
  return Buffer.from(`${JSON.stringify({ ...parsed, servers }, null, 2)}\n`);
}

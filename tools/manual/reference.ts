import { formatHead, formatTop, type PageAssets } from "./page.js";

/** The page at /docs, which stands one level above the others: the reference of the API, made by Swagger UI from openapi.json. */
export function formatReference(assets: PageAssets): string {
  const head = formatHead("API reference · Signet documentation", assets, "docs/").replace(
    "</head>",
    `<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="stylesheet" href="docs/${assets.referenceStyle}">
</head>`,
  );
  return `${head}
<body class="manual reference">
${formatTop(assets, "docs/")}
<div id="content" class="reference-body" tabindex="-1">
<noscript>This page needs JavaScript. The same is in <a href="openapi.json">openapi.json</a>.</noscript>
<div id="reference"></div>
</div>
<script src="docs/swagger-ui-bundle.js" defer></script>
<script src="docs/${assets.reference}" defer></script>
</body>
</html>
`;
}

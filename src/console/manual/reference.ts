/** Swagger UI, as its own script puts it on the page. */
interface SwaggerOptions {
  readonly url: string;
  readonly dom_id: string;
  readonly deepLinking: boolean;
  readonly filter: boolean;
  readonly docExpansion: "none";
  readonly defaultModelsExpandDepth: number;
  readonly validatorUrl: null;
  readonly persistAuthorization: boolean;
}

declare const SwaggerUIBundle: (options: SwaggerOptions) => unknown;

// A token that is typed in stays in the memory of the page. Without a validatorUrl it is sent to no other server.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  filter: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  persistAuthorization: false,
});

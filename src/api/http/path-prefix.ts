import type { RequestListener } from "./node-http.js";

/**
 * Takes the prefix off the paths of requests that have it, for proxies that serve the whole below a path and pass that path on; those
 * that strip it send paths as they are here.
 */
export function withoutPrefix(prefix: string, listener: RequestListener): RequestListener {
  if (prefix === "") return listener;
  return (req, res) => {
    const { url = "" } = req;
    const rest = url.startsWith(prefix) ? url.slice(prefix.length) : undefined;
    if (rest !== undefined && /^(?:[/?]|$)/.test(rest)) req.url = rest.startsWith("/") ? rest : `/${rest}`;
    listener(req, res);
  };
}

import { endWith, headerOf, type NodeRequest } from "../http/node-http.js";
import type { Pages } from "./pages.js";
import { prefersHtml } from "./quality.js";

/**
 * Leads browsers from `/` to the page for people; every other client gets the answer that the API gives there.
 *
 * @param page the page's path without the first slash, for example `console/`
 * @param prefix what stands before every path, when it is known and always the same: a proxy may serve `/signet` itself as our `/`,
 *   from where a relative path would lead out of it
 */
export function createHome(page: string, prefix: string): Pages {
  const location = prefix === "" ? page : `${prefix}/${page}`;
  return {
    has: (path, req) => path === "/" && isRead(req) && prefersHtml(headerOf(req, "accept")),
    answer: (_path, _req, res) => {
      const vary = [res.getHeader("vary"), "Accept"].filter((each) => each !== undefined).join(", ");
      endWith(res, 303, { Location: location, "Content-Length": "0", "Cache-Control": "no-store", Vary: vary });
    },
  };
}

function isRead({ method }: NodeRequest): boolean {
  return method === "GET" || method === "HEAD";
}

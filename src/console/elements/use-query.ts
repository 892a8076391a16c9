import { useLocation } from "preact-iso/router";
import { useCallback, useRef } from "preact/hooks";
import type { Query } from "../data/links.js";

/** Changes parameters of the URL: what is undefined or empty is removed, what is not named stays. */
export type SetQuery = (patch: Query, options?: { readonly replace?: boolean }) => void;

/** The parameters of the URL, and how to change them. A filter replaces the entry in the history, so that back leaves the screen. */
export function useQuery(): readonly [Readonly<Record<string, string>>, SetQuery] {
  const { url, query, route } = useLocation();
  const latest = useRef(url);
  latest.current = url;
  const set = useCallback<SetQuery>(
    (patch, { replace = true } = {}) => {
      const [path = "", text = ""] = latest.current.split("?");
      const params = new URLSearchParams(text);
      for (const [name, value] of Object.entries(patch)) {
        if (value === undefined || value === "") params.delete(name);
        else params.set(name, String(value));
      }
      const next = params.toString();
      latest.current = next === "" ? path : `${path}?${next}`;
      route(latest.current, replace);
    },
    [route],
  );
  return [query, set];
}

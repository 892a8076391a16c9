import type * as codemirror from "./codemirror/index.js";
import { useEffect, useRef, useState } from "preact/hooks";
import type { RefObject } from "preact";

/** What the chunk with the editor exports. */
export type EditorModule = typeof codemirror;

/** Something of the editor in a shadow root, where its styles do not break the page's strict policy. */
export interface Shadow<H> {
  /** The element that gets the shadow root. */
  readonly host: RefObject<HTMLDivElement | null>;
  /** Undefined until the chunk is loaded. */
  readonly handle: H | undefined;
  /** The chunk could not be loaded. */
  readonly isFailed: boolean;
}

/**
 * Loads the editor's chunk and opens something in the host's shadow root; again when `key` changes. Closes it when the component
 * goes.
 */
export function useShadow<H extends { readonly destroy: () => void }>(
  open: (root: ShadowRoot, module: EditorModule) => H,
  key: readonly unknown[],
): Shadow<H> {
  const host = useRef<HTMLDivElement>(null);
  const [handle, setHandle] = useState<H | undefined>(undefined);
  const [isFailed, setFailed] = useState(false);
  const latest = useRef(open);
  latest.current = open;
  useEffect(() => {
    let isGone = false;
    let opened: H | undefined;
    import("./codemirror/index.js").then(
      (module) => {
        const element = host.current;
        if (isGone || element === null) return;
        const root = element.shadowRoot ?? element.attachShadow({ mode: "open" });
        opened = latest.current(root, module);
        setHandle(opened);
      },
      () => setFailed(true),
    );
    return () => {
      isGone = true;
      opened?.destroy();
      setHandle(undefined);
    };
  }, key);
  return { host, handle, isFailed };
}

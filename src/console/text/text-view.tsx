import { useEffect } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { Button } from "../elements/button.js";
import { bytesInWords } from "../elements/bytes-in-words.js";
import { Skeleton } from "../elements/states.js";
import { useCommands } from "../data/commands.js";
import { MAX_EDITED, type TextHandle } from "./text-handle.js";
import { useShadow } from "./use-shadow.js";

/** Of a text that is too long for the editor so much is shown, in UTF-16 units. */
const EXCERPT = 32 * 1024;

interface TextViewProps {
  readonly text: string;
  /** For screen readers. */
  readonly label: string;
  readonly line?: number | undefined;
  readonly onLine?: (line: number) => void;
  /** Beside the view's own buttons. */
  readonly actions?: ComponentChildren;
}

/** A JSON text with numbers of lines, search and folding; of a very long one its start. */
export function TextView(props: TextViewProps) {
  const { text, actions } = props;
  if (text.length <= MAX_EDITED) return <OpenText {...props} />;
  return (
    <div class="text-box">
      <div class="text-tools">
        <p class="muted">
          {bytesInWords(text.length)} are too much to show. This is the start; download the document to read it all.
        </p>
        {actions}
      </div>
      <PlainText text={`${text.slice(0, EXCERPT)}…`} label={props.label} />
    </div>
  );
}

function OpenText({ text, label, line, onLine, actions }: TextViewProps) {
  const { host, handle, isFailed } = useShadow<TextHandle>(
    (root, { openReader }) => openReader(root, { text, label, line, ...(onLine !== undefined && { onLine }) }),
    [text, label],
  );
  useEffect(() => {
    if (line !== undefined) handle?.goToLine(line);
  }, [line]);
  useCommands(
    [{ id: "search-text", label: "Search in the text", keys: "/", run: () => handle?.search() }],
    String(handle === undefined),
  );
  if (isFailed) return <PlainText text={text.slice(0, EXCERPT)} label={label} />;
  return (
    <div class="text-box">
      <div class="text-tools">
        <Button size="small" kind="quiet" icon="search" onClick={() => handle?.search()}>
          Search
        </Button>
        <Button size="small" kind="quiet" onClick={() => handle?.foldAll()}>
          Fold all
        </Button>
        <Button size="small" kind="quiet" onClick={() => handle?.unfoldAll()}>
          Unfold all
        </Button>
        {actions}
      </div>
      {handle === undefined && <Skeleton lines={8} />}
      <div ref={host} class="text-host" />
    </div>
  );
}

/** A text as it is, without the editor. */
export function PlainText({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    <pre class="text-plain" tabIndex={0} role="region" aria-label={label}>
      <code>{text}</code>
    </pre>
  );
}

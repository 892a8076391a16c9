import { useEffect, useMemo, useState } from "preact/hooks";
import { OPA_POLICIES } from "../../../core/bundle.js";
import { Button } from "../../elements/button.js";
import { bytesInWords } from "../../elements/bytes-in-words.js";
import { Skeleton } from "../../elements/states.js";
import { Copy } from "../../elements/text.js";
import { useQuery } from "../../elements/use-query.js";
import { formatJsonInSlices } from "../../text/format-json.js";
import { saveFile } from "../../elements/save-file.js";
import { useLineHash } from "../../text/line-hash.js";
import { MAX_EDITED } from "../../text/text-handle.js";
import { TextView } from "../../text/text-view.js";
import { partsOf } from "./document-parts.js";
import { FilesView } from "./files-view.js";

/** What is shown of a document. */
type Part = "files" | "policies" | "scope" | "signed";

interface DocumentTextProps {
  /** As it was signed, to the byte. */
  readonly document: string;
  /** Of the downloaded file. */
  readonly fileName: string;
  /** What its policies are. */
  readonly mediaType: string;
}

/** The text of a document: its policies formatted, or all of it as it was signed. Formatting copies numbers and strings as they are. */
export function DocumentText({ document: text, fileName, mediaType }: DocumentTextProps) {
  const [query, setQuery] = useQuery();
  const [line, setLine] = useLineHash();
  const parts = useMemo(() => partsOf(text), [text]);
  const hasScope = parts !== undefined && parts.scopePolicies !== "{}";
  const choices: readonly (readonly [Part, string])[] = [
    ...(mediaType === OPA_POLICIES ? [["files", "Files"] as const] : []),
    ["policies", "Policies"],
    ...(hasScope ? [["scope", "Scope policies"] as const] : []),
    ["signed", "As signed"],
  ];
  const [first] = choices[0] ?? ["policies"];
  const asked = choices.find(([value]) => value === query["part"])?.[0] ?? first;
  const part: Part = parts === undefined ? "signed" : asked;
  const source =
    parts === undefined || part === "signed" ? text : part === "scope" ? parts.scopePolicies : parts.policies;
  const shown = useFormatted(source, part === "policies" || part === "scope");
  return (
    <section class="document-text" aria-label="Document">
      <div class="document-parts" role="group" aria-label="What is shown">
        {choices.map(([value, label]) => (
          <Button
            key={value}
            size="small"
            kind={value === part ? "plain" : "quiet"}
            aria-pressed={value === part}
            onClick={() => setQuery({ part: value === first ? undefined : value })}
          >
            {label}
          </Button>
        ))}
      </div>
      {part === "files" && parts !== undefined ? (
        <FilesView policies={parts.policies} />
      ) : shown === undefined ? (
        <Skeleton lines={10} />
      ) : (
        <TextView
          key={part}
          text={shown}
          label={part === "signed" ? "The document as it was signed" : "The policies"}
          line={line}
          onLine={setLine}
          actions={
            <>
              <Copy text={shown} label={part === "signed" ? "Copy the document" : "Copy"} />
              <Button
                size="small"
                kind="quiet"
                icon="download"
                onClick={() => saveFile(fileName, new Blob([text], { type: "application/json" }))}
              >
                Download ({bytesInWords(text.length)})
              </Button>
            </>
          }
        />
      )}
      <p class="muted text-note">
        {part === "files"
          ? "Each file as it was signed."
          : part === "signed"
            ? "Byte for byte what runtimes verify."
            : "Formatted for reading: numbers, strings and the order of keys are as they were signed."}
      </p>
    </section>
  );
}

/** The text with line breaks; of one that no editor takes as it is. Undefined while it is being formatted. */
function useFormatted(text: string, isWanted: boolean): string | undefined {
  const isPlain = !isWanted || text.length > MAX_EDITED;
  const [formatted, setFormatted] = useState<{ readonly of: string; readonly text: string } | undefined>(undefined);
  useEffect(() => {
    if (isPlain) return;
    const controller = new AbortController();
    formatJsonInSlices(text, controller.signal).then(
      (made) => setFormatted({ of: text, text: made }),
      () => undefined,
    );
    return () => controller.abort();
  }, [text, isPlain]);
  if (isPlain) return text;
  return formatted?.of === text ? formatted.text : undefined;
}

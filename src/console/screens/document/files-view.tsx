import { useMemo } from "preact/hooks";
import { readOpaPolicies } from "../../../bundle/opa/opa-policies.js";
import { Button } from "../../elements/button.js";
import { bytesInWords } from "../../elements/bytes-in-words.js";
import { counted } from "../../elements/counted.js";
import { saveFile } from "../../elements/save-file.js";
import { Copy, Name } from "../../elements/text.js";
import { useQuery } from "../../elements/use-query.js";
import { PlainText } from "../../text/text-view.js";

/** Of a file that is longer so much is shown, in UTF-16 units. */
const SHOWN = 512 * 1024;

/** The files of policies of kind OPA, one at a time. `policies` is JSON text, as it was signed. */
export function FilesView({ policies }: { readonly policies: string }) {
  const [query, setQuery] = useQuery();
  const { files, roots, regoVersion } = useMemo(() => readOpaPolicies(policies), [policies]);
  const paths = useMemo(() => [...files.keys()].sort(), [files]);
  const asked = query["file"] ?? "";
  const path = files.has(asked) ? asked : (paths.find((name) => name.endsWith(".rego")) ?? paths[0] ?? "");
  const text = files.get(path) ?? "";
  return (
    <>
      <p class="muted text-note">
        {counted(files.size, "file", "files")}, Rego version {regoVersion}, roots{" "}
        <Name text={roots.map((root) => (root === "" ? "all of data" : root)).join(", ")} />
      </p>
      <div class="text-box">
        <div class="text-tools">
          <label class="filter">
            File{" "}
            <select aria-label="File" value={path} onChange={(event) => setQuery({ file: event.currentTarget.value })}>
              {paths.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <Copy text={text} label="Copy" />
          <Button
            size="small"
            kind="quiet"
            icon="download"
            onClick={() => saveFile(path.split("/").at(-1) ?? path, new Blob([text], { type: "text/plain" }))}
          >
            Download ({bytesInWords(text.length)})
          </Button>
        </div>
        <PlainText text={text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text} label={`The file ${path}`} />
      </div>
    </>
  );
}

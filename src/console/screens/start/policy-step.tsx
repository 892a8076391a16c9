import { useLocation } from "preact-iso/router";
import { useRef, useState } from "preact/hooks";
import { changeHeaders, client } from "../../data/client.js";
import { links, type ProjectAt } from "../../data/links.js";
import { who } from "../../data/session.js";
import { useAction } from "../../data/use-action.js";
import { Button, LinkButton } from "../../elements/button.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Field } from "../../elements/field.js";
import { Icon } from "../../elements/icon.js";
import { useUnsavedGuard } from "../../shell/guard-unsaved.js";
import { checkJson } from "../../text/check-json.js";
import { createKey } from "../lanes/change/retry-key.js";
import type { Lane } from "../lanes/lane.js";
import { whyNoChange } from "../lanes/obstacles.js";
import { openFile } from "../publish/open-file.js";
import { EXAMPLE_POLICY } from "./example.js";

/** Larger files are published with the command line, in bytes: a text field of more is no help. */
const MAX_FILE_BYTES = 1_048_576;

interface PolicyStepProps {
  readonly at: ProjectAt;
  readonly lane: Lane;
  readonly onPublished: () => void;
}

/** Publishes the first policy: the example, a text, or a file that is dropped. The server's own reader says what is wrong before. */
export function PolicyStep({ at, lane, onPublished }: PolicyStepProps) {
  const { name, activeVersion, sequence } = lane.environment;
  const [text, setText] = useState("");
  const [title, setTitle] = useState("First policy");
  const [fileProblem, setFileProblem] = useState<string | undefined>();
  const { route } = useLocation();
  const key = useRef(createKey());
  const isTyped = text !== "" && text !== EXAMPLE_POLICY;
  const publication = useAction(async () => {
    const request = { orgId: at.org, projectId: at.project, envName: name, policies: text, title: title.trim() };
    const headers = changeHeaders({ ifMatch: sequence, idempotencyKey: key.current(request) });
    await client.bundles.publishBundle(request, { headers });
    setText("");
    onPublished();
    route(links.start({ project: at.project, step: "runtime" }));
  });
  useUnsavedGuard(isTyped && !publication.isRunning);
  const problem = text === "" ? undefined : checkJson(text);
  const never = whyNoChange(who.value);
  const read = async (file: File | undefined) => {
    if (file === undefined) return;
    if (file.size > MAX_FILE_BYTES) {
      setFileProblem("This file is larger than 1 MiB: publish it with signet publish -f.");
      return;
    }
    const opened = await openFile(file);
    setFileProblem(opened.kind === "refused" ? opened.because : undefined);
    if (opened.kind === "text") setText(opened.text);
  };
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (problem === undefined && text !== "") void publication.run();
      }}
    >
      <p>
        A policy is a JSON object; what is in it is yours. It is published to <strong>{name}</strong>, signed, and
        active at once.
      </p>
      {activeVersion !== undefined && (
        <p class="note note-info">
          <Icon name="info" />
          <span class="note-text">
            {name} is at version {activeVersion} already.
          </span>
          <LinkButton size="small" href={links.start({ project: at.project, step: "runtime" })}>
            Go on with it
          </LinkButton>
        </p>
      )}
      <div class="row">
        <Button onClick={() => setText(EXAMPLE_POLICY)}>Use the example</Button>
        <label class="button button-plain start-file">
          <Icon name="upload" />
          Choose a file
          <input
            type="file"
            class="visually-hidden"
            accept=".json,application/json"
            onChange={(event) => void read(event.currentTarget.files?.[0])}
          />
        </label>
        <span class="muted">or paste it, or drop a file. YAML: signet publish -f policy.yaml</span>
      </div>
      <Field
        label="Policy"
        error={
          fileProblem ??
          (problem === undefined ? undefined : `Line ${problem.line}, column ${problem.column}: ${problem.message}`)
        }
      >
        {(field) => (
          <textarea
            {...field}
            rows={12}
            spellcheck={false}
            autoComplete="off"
            placeholder="{ … }"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
            onDragOver={(event) => event.preventDefault()}
            onDrop={(event) => {
              const file = event.dataTransfer?.files[0];
              if (file === undefined) return;
              event.preventDefault();
              void read(file);
            }}
          />
        )}
      </Field>
      <Field label="Title">
        {(field) => (
          <input
            {...field}
            maxLength={255}
            autoComplete="off"
            value={title}
            onInput={(event) => setTitle(event.currentTarget.value)}
          />
        )}
      </Field>
      {publication.error !== undefined && <ErrorNote error={publication.error} />}
      {never !== undefined && <p class="muted">{never}</p>}
      <div class="row">
        <Button
          type="submit"
          kind="primary"
          busy={publication.isRunning}
          disabled={never !== undefined || text === "" || problem !== undefined}
        >
          Publish to {name}
        </Button>
      </div>
    </form>
  );
}

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Bundle } from "../../../../gen/signet/v1/bundle_pb.js";
import type { Environment } from "../../../../gen/signet/v1/organization_pb.js";
import { OPA_POLICIES } from "../../../core/bundle.js";
import type { SignetError } from "../../../sdk/signet-error.js";
import { announce } from "../../data/announce.js";
import { client } from "../../data/client.js";
import type { ProjectAt } from "../../data/links.js";
import { useAction } from "../../data/use-action.js";
import { Button } from "../../elements/button.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Field } from "../../elements/field.js";
import { Icon } from "../../elements/icon.js";
import { useUnsavedGuard } from "../../shell/guard-unsaved.js";
import { checkJson, placesOfFields, type TextProblem } from "../../text/check-json.js";
import { formatJson } from "../../text/format-json.js";
import { KEYBOARD_HELP, TextEditor, type EditorRef } from "../../text/text-editor.js";
import { MAX_EDITED } from "../../text/text-handle.js";
import { bytesInWords } from "../../elements/bytes-in-words.js";
import { EMPTY_DRAFT, labelFlaw, type Draft } from "./draft.js";
import { keepDraft, keptDraft } from "./kept-draft.js";
import { MetadataFields } from "./metadata-fields.js";
import { openFile } from "./open-file.js";
import { ProblemList } from "./problem-list.js";
import { PublishDialog } from "./publish-dialog.js";
import { Published } from "./published.js";

/** A draft is kept so long after the last key, in milliseconds. */
const KEEP_AFTER_MS = 400;

interface WritingProps {
  readonly at: ProjectAt;
  readonly environment: Environment;
}

/** The editor with what belongs to a publication. */
export function Writing({ at, environment }: WritingProps) {
  const env = environment.name;
  const kept = useMemo(() => keptDraft(at, env), []);
  const [draft, setDraft] = useState<Draft>(kept ?? EMPTY_DRAFT);
  const [isDirty, setDirty] = useState(kept !== undefined);
  const [base, setBase] = useState(environment.sequence);
  const [isAsking, setAsking] = useState(false);
  const [refusal, setRefusal] = useState<SignetError | undefined>(undefined);
  const [fileError, setFileError] = useState<string | undefined>(undefined);
  const [published, setPublished] = useState<{ bundle: Bundle; isActivated: boolean } | undefined>(undefined);
  const editor: EditorRef = useRef(undefined);
  const { policies, scopePolicies } = draft;
  const isLong = policies.length > MAX_EDITED;
  const problem = useMemo(() => checkJson(policies), [policies]);
  const scopeProblem = useMemo(
    () => (scopePolicies.trim() === "" ? undefined : checkJson(scopePolicies)),
    [scopePolicies],
  );
  const refused = useMemo(
    () => (refusal === undefined ? [] : placesOfFields(policies, refusal.fields)),
    [refusal, policies],
  );
  const problems: readonly TextProblem[] = problem === undefined ? refused : [problem];
  useUnsavedGuard(isDirty);

  useEffect(() => {
    if (!isDirty) return;
    const timer = setTimeout(() => keepDraft(at, env, draft), KEEP_AFTER_MS);
    return () => clearTimeout(timer);
  }, [draft, isDirty]);

  const change = (patch: Partial<Draft>) => {
    setDraft((before) => ({ ...before, ...patch }));
    setDirty(true);
    setPublished(undefined);
  };
  /** Another text, which the editor does not have yet. */
  const replace = (text: string) => {
    change({ policies: text });
    setRefusal(undefined);
    if (text.length <= MAX_EDITED) editor.current?.replace(text);
  };
  const start = useAction(async () => {
    const { activeVersion: version = 0 } = environment;
    const bundle = await client.bundles.getBundle({ orgId: at.org, projectId: at.project, envName: env, version });
    const { policiesJson, scopePoliciesJson, mediaType } = bundle;
    change({ mediaType: mediaType === OPA_POLICIES ? mediaType : "" });
    replace(policiesJson.length > MAX_EDITED ? policiesJson : `${formatJson(policiesJson)}\n`);
    if (scopePoliciesJson !== "{}") change({ scopePolicies: `${formatJson(scopePoliciesJson)}\n` });
    setBase(environment.sequence);
  });
  const take = async (file: File | undefined) => {
    if (file === undefined) return;
    const opened = await openFile(file);
    if (opened.kind === "refused") setFileError(opened.because);
    else {
      setFileError(undefined);
      replace(opened.text);
      announce(`${opened.name} was read`);
    }
  };
  const discard = () => {
    keepDraft(at, env, undefined);
    setDraft(EMPTY_DRAFT);
    editor.current?.replace("");
    setDirty(false);
    setRefusal(undefined);
    setBase(environment.sequence);
  };
  const goTo = (wanted: TextProblem) => editor.current?.goTo(wanted);
  const ask = () => {
    const [first] = problems;
    if (problem !== undefined && first !== undefined) {
      announce(`Line ${first.line}, column ${first.column}: ${first.message}`);
      goTo(first);
    } else if (scopeProblem === undefined && labelFlaw(draft.labels) === undefined) setAsking(true);
  };
  const hasMoved = environment.sequence !== base;

  return (
    <div class="publish">
      <div
        class="publish-main stack"
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => {
          const file = event.dataTransfer?.files[0];
          if (file === undefined) return;
          event.preventDefault();
          void take(file);
        }}
      >
        {published !== undefined && <Published at={at} env={env} {...published} />}
        {hasMoved && published === undefined && isDirty && (
          <div class="note note-warn" role="status">
            <Icon name="warning" />
            <div class="note-text">
              <p class="note-title">
                {env} has changed since you began to write: v{environment.activeVersion ?? "–"} is active now.
              </p>
            </div>
            <Button size="small" onClick={() => setBase(environment.sequence)}>
              Go on from there
            </Button>
          </div>
        )}
        <div class="row">
          {environment.activeVersion !== undefined && (
            <Button busy={start.isRunning} onClick={() => void start.run()}>
              Start from v{environment.activeVersion}, the active one
            </Button>
          )}
          <FileButton onFile={(file) => void take(file)} />
          <Button
            kind="quiet"
            disabled={problem !== undefined || isLong}
            onClick={() => replace(`${formatJson(policies)}\n`)}
          >
            Format
          </Button>
          {isDirty && (
            <Button kind="quiet" onClick={discard}>
              Discard draft
            </Button>
          )}
        </div>
        {start.error !== undefined && <ErrorNote error={start.error} />}
        {fileError !== undefined && (
          <p class="field-error" role="alert">
            {fileError}
          </p>
        )}
        {isLong ? (
          <p class="card">
            {bytesInWords(policies.length)} are too much for the editor. The document is checked and can be published as
            it is.
          </p>
        ) : (
          <TextEditor
            text={policies}
            label="Policy document (JSON)"
            check={(text) => {
              const found = checkJson(text);
              return text === "" || found === undefined ? refused : [found];
            }}
            onChange={(text) => {
              if (text !== policies) change({ policies: text });
            }}
            editor={editor}
          />
        )}
        <p class="muted text-note">{KEYBOARD_HELP} A file can be dropped here.</p>
        <label class="check">
          <input
            type="checkbox"
            checked={draft.mediaType === OPA_POLICIES}
            onChange={(event) => change({ mediaType: event.currentTarget.checked ? OPA_POLICIES : "" })}
          />
          Rego for Open Policy Agent
        </label>
        {draft.mediaType === OPA_POLICIES && (
          <p class="muted">
            {
              'The document is {"files": {path: text}, "roots": [path], "rego_version": 1}. A folder is easier to publish by command: '
            }
            <code>signet publish --env {env} ./policy</code>
          </p>
        )}
        {policies === "" ? (
          <p class="muted">A policy document is a JSON object.</p>
        ) : problems.length === 0 && draft.mediaType === OPA_POLICIES ? (
          <p class="muted">It is JSON. The preview checks its files.</p>
        ) : (
          <ProblemList problems={problems} onGo={goTo} />
        )}
        <details open={scopePolicies !== ""}>
          <summary>Scope policies</summary>
          <Field
            label="Scope policies (JSON)"
            hint='An object of "tenant:app:agent:env" to policy; * is any.'
            error={scopeProblem && `Line ${scopeProblem.line}, column ${scopeProblem.column}: ${scopeProblem.message}`}
          >
            {(field) => (
              <textarea
                {...field}
                rows={6}
                spellcheck={false}
                value={scopePolicies}
                onInput={(event) => change({ scopePolicies: event.currentTarget.value })}
              />
            )}
          </Field>
        </details>
      </div>
      <div class="publish-side stack">
        <Button kind="primary" disabled={policies === ""} onClick={ask}>
          Preview and publish…
        </Button>
        <section class="card stack" aria-labelledby="about-title">
          <h2 id="about-title">About this version</h2>
          <MetadataFields draft={draft} onChange={change} />
        </section>
        {kept !== undefined && isDirty && <p class="muted">This is the draft that the tab kept.</p>}
      </div>
      {isAsking && (
        <PublishDialog
          at={at}
          environment={environment}
          baseSequence={base}
          draft={draft}
          onRefused={(error) => {
            setAsking(false);
            setRefusal(error);
            editor.current?.mark(placesOfFields(policies, error.fields));
          }}
          onPublished={(bundle, isActivated) => {
            setAsking(false);
            keepDraft(at, env, undefined);
            setDirty(false);
            setRefusal(undefined);
            setBase(bundle.sequence ?? environment.sequence);
            setPublished({ bundle, isActivated });
            announce(`Version ${bundle.version} was published to ${env}`);
          }}
          onClose={() => setAsking(false)}
        />
      )}
    </div>
  );
}

function FileButton({ onFile }: { readonly onFile: (file: File | undefined) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <Button icon="upload" onClick={() => input.current?.click()}>
        Open a file…
      </Button>
      <input
        ref={input}
        type="file"
        hidden
        accept=".json,application/json"
        aria-label="Policy document"
        onChange={(event) => {
          onFile(event.currentTarget.files?.[0]);
          event.currentTarget.value = "";
        }}
      />
    </>
  );
}

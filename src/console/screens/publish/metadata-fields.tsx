import { Button } from "../../elements/button.js";
import { Field } from "../../elements/field.js";
import { labelFlaw, type Draft, type LabelRow } from "./draft.js";

interface MetadataFieldsProps {
  readonly draft: Draft;
  readonly onChange: (patch: Partial<Draft>) => void;
}

const TEXTS = [
  ["title", "Title", 255, "What changes, in one line. Optional, like everything here."],
  ["publishedBy", "Published by", 255, "A person or a program. The audit also names the token."],
] as const;

const SOURCE = [
  ["repository", "Repository"],
  ["revision", "Revision"],
  ["url", "Link"],
] as const;

/** What is told of a version beside its content. All of it is optional. */
export function MetadataFields({ draft, onChange }: MetadataFieldsProps) {
  return (
    <div class="stack">
      {TEXTS.map(([name, label, max, hint]) => (
        <Field key={name} label={label} hint={hint}>
          {(field) => (
            <input
              {...field}
              value={draft[name]}
              maxLength={max}
              onInput={(event) => onChange({ [name]: event.currentTarget.value })}
            />
          )}
        </Field>
      ))}
      <Field label="Description">
        {(field) => (
          <textarea
            {...field}
            rows={3}
            maxLength={10_000}
            value={draft.description}
            onInput={(event) => onChange({ description: event.currentTarget.value })}
          />
        )}
      </Field>
      <Labels labels={draft.labels} onChange={(labels) => onChange({ labels })} />
      <fieldset>
        <legend>Source</legend>
        {SOURCE.map(([name, label]) => (
          <Field key={name} label={label}>
            {(field) => (
              <input
                {...field}
                value={draft[name]}
                maxLength={500}
                spellcheck={false}
                onInput={(event) => onChange({ [name]: event.currentTarget.value })}
              />
            )}
          </Field>
        ))}
      </fieldset>
      <details>
        <summary>Release</summary>
        <Field
          label="Release envelope"
          hint="Where the project's root asks for one: what signet release sign wrote. It is kept with the version."
        >
          {(field) => (
            <textarea
              {...field}
              rows={4}
              spellcheck={false}
              value={draft.release}
              onInput={(event) => onChange({ release: event.currentTarget.value })}
            />
          )}
        </Field>
      </details>
    </div>
  );
}

interface LabelsProps {
  readonly labels: readonly LabelRow[];
  readonly onChange: (labels: readonly LabelRow[]) => void;
}

function Labels({ labels, onChange }: LabelsProps) {
  const flaw = labelFlaw(labels);
  const set = (index: number, patch: Partial<LabelRow>) =>
    onChange(labels.map((label, at) => (at === index ? { ...label, ...patch } : label)));
  return (
    <fieldset>
      <legend>Labels</legend>
      {labels.map(({ key, value }, index) => (
        <div class="label-row" key={index}>
          <input
            aria-label={`Key of label ${index + 1}`}
            placeholder="key"
            value={key}
            maxLength={63}
            onInput={(event) => set(index, { key: event.currentTarget.value })}
          />
          <input
            aria-label={`Value of label ${index + 1}`}
            placeholder="value"
            value={value}
            maxLength={255}
            onInput={(event) => set(index, { value: event.currentTarget.value })}
          />
          <Button
            kind="quiet"
            icon="cross"
            aria-label={`Remove label ${index + 1}`}
            onClick={() => onChange(labels.filter((_, at) => at !== index))}
          />
        </div>
      ))}
      {flaw !== undefined && <p class="field-error">{flaw}</p>}
      <div>
        <Button size="small" icon="plus" onClick={() => onChange([...labels, { key: "", value: "" }])}>
          Add a label
        </Button>
      </div>
    </fieldset>
  );
}

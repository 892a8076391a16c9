import { Icon } from "./icon.js";
import { Copy } from "./text.js";

interface SecretProps {
  /** Whose it is, for example "Admin token of Acme". */
  readonly label: string;
  readonly text: string;
}

/** A secret that the server shows once. It is in no URL and nowhere kept: who leaves without it makes another one. */
export function Secret({ label, text }: SecretProps) {
  return (
    <div class="field">
      <span class="field-label">
        <bdi>{label}</bdi>
      </span>
      <div class="command">
        <pre tabIndex={0} role="group" aria-label={label}>
          <code>{text}</code>
        </pre>
        <Copy text={text} label={`Copy: ${label}`} compact />
      </div>
    </div>
  );
}

/** What to say once above secrets. */
export function SecretNote() {
  return (
    <div class="note note-warn">
      <Icon name="warning" />
      <div class="note-text">
        <p class="note-title">Copy it now: it is shown only once.</p>
        <p>The server keeps a hash and cannot show it again. When it is lost, create another one.</p>
      </div>
    </div>
  );
}

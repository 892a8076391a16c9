import { useEffect, useState } from "preact/hooks";
import { announce } from "../../data/announce.js";
import type { ProjectAt } from "../../data/links.js";
import { useCall } from "../../data/use-call.js";
import { Button } from "../../elements/button.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Field } from "../../elements/field.js";
import { Skeleton } from "../../elements/states.js";
import { Name, Status } from "../../elements/text.js";
import { bytesInWords } from "../../elements/bytes-in-words.js";
import { keepPin, keptPin } from "./kept-pin.js";
import { parsePin, pinnedKeys } from "./pin.js";
import { keyWords, publicKeysOf, readEvidence, type ServerEvidence } from "./read-evidence.js";
import { verifyHere, type Check, type Report } from "./verify-here.js";

/** Longer documents are verified when a person asks for it, in UTF-16 units: it holds up the page for a moment. */
const VERIFIED_AT_ONCE = 1024 * 1024;

interface VerifyCardProps {
  readonly at: ProjectAt;
  readonly env: string;
  readonly document: string;
  readonly deploymentId: string | undefined;
}

/** Verifies a document in this browser, and says by which key and what that proves. */
export function VerifyCard({ at, env, document, deploymentId }: VerifyCardProps) {
  const evidence = useCall((signal) => readEvidence(at, deploymentId, signal), [at, deploymentId]);
  const [pinText, setPinText] = useState<string | undefined>(undefined);
  const [report, setReport] = useState<Report | undefined>(undefined);
  const [isAsked, setAsked] = useState(document.length <= VERIFIED_AT_ONCE);
  const known = evidence.value;
  const pin = pinText ?? (known === undefined ? "" : keptPin(known.orgId));

  useEffect(() => {
    if (known === undefined || !isAsked) return;
    let isGone = false;
    // After the page was painted: it then says that it verifies.
    const timer = setTimeout(() => {
      void verify(document, env, known, pin).then((made) => {
        if (isGone) return;
        setReport(made);
        announce(made.isGood ? "The document verifies" : "The document does not verify");
      });
    }, 20);
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, [known, isAsked, pin, document]);

  return (
    <section class="card stack verify" aria-labelledby="verify-title">
      <h2 id="verify-title">Verified here</h2>
      {evidence.error !== undefined && <ErrorNote error={evidence.error} retry={evidence.reload} />}
      {!isAsked && (
        <div>
          <Button icon="shield" onClick={() => setAsked(true)}>
            Verify {bytesInWords(document.length)} in this browser
          </Button>
        </div>
      )}
      {isAsked && report === undefined && evidence.error === undefined && <Skeleton lines={4} />}
      {report !== undefined && known !== undefined && (
        <>
          <Verdict report={report} />
          <ul class="verify-checks">
            {report.checks.map((check) => (
              <CheckRow key={check.name} check={check} />
            ))}
          </ul>
          <KeyLine report={report} known={known} />
          <Meaning isPinned={pin !== ""} hasRoot={known.root !== null} />
          <PinForm
            key={pin}
            pin={pin}
            onPin={(text) => {
              keepPin(known.orgId, text);
              setPinText(text);
            }}
          />
        </>
      )}
    </section>
  );
}

async function verify(document: string, env: string, known: ServerEvidence, pinText: string): Promise<Report> {
  const ofServer = publicKeysOf(known.keys, "bundles");
  const pin = pinText === "" ? undefined : parsePin(pinText);
  const keys = pin === undefined ? ofServer : "error" in pin ? [] : pinnedKeys(pin, ofServer);
  return await verifyHere({
    document,
    keys,
    expected: { orgId: known.orgId, projectId: known.projectId, environment: env },
    attestation: known.attestation,
    attestationKeys: publicKeysOf(known.keys, "attestation"),
    root: known.root,
    nowMs: Date.now(),
  });
}

function Verdict({ report: { isGood } }: { readonly report: Report }) {
  return (
    <p class="verify-verdict">
      {isGood ? (
        <Status tone="good" icon="shield" text="Hash and signatures verify" />
      ) : (
        <Status tone="bad" text="Does not verify: do not trust this document" />
      )}
    </p>
  );
}

const TONES = { good: "good", bad: "bad", skipped: "neutral" } as const;

function CheckRow({ check: { name, outcome, text } }: { readonly check: Check }) {
  return (
    <li>
      <Status tone={TONES[outcome]} text={name} />
      <span class="visually-hidden">
        {outcome === "good" ? "verifies" : outcome === "bad" ? "fails" : "not checked"}
      </span>
      <span class="verify-text">
        <Name text={text} />
      </span>
    </li>
  );
}

function KeyLine({ report: { keyId }, known }: { readonly report: Report; readonly known: ServerEvidence }) {
  if (keyId === undefined) return null;
  const key = known.keys.find((one) => one.keyId === keyId);
  return (
    <p>
      Signed by <code>{keyId}</code>
      {key === undefined ? ", which this server does not list." : `, ${keyWords(key)}.`}
    </p>
  );
}

function Meaning({ isPinned, hasRoot }: { readonly isPinned: boolean; readonly hasRoot: boolean }) {
  return (
    <details>
      <summary>What this proves, and what not</summary>
      <div class="stack verify-meaning">
        {isPinned ? (
          <p>
            The document was signed by a key that you pinned. Whoever runs this server, or stands between it and you,
            could not have changed it.
          </p>
        ) : (
          <p>
            Keys and document come from the same server: this proves that they fit together, and not that the server is
            honest. Pin a key that you got another way, for example from <code>signet keys --pem</code> on the host.
          </p>
        )}
        <p>
          A signature does not say that a version is the newest: the activation and the lease say so, by
          {hasRoot
            ? " the keys of the project's root document, which was read from this server too."
            : " the server's own key."}
        </p>
        <p>The page itself came from this server. Offline, signet verify checks the same without it.</p>
      </div>
    </details>
  );
}

function PinForm({ pin, onPin }: { readonly pin: string; readonly onPin: (text: string) => void }) {
  const [text, setText] = useState(pin);
  const [error, setError] = useState<string | undefined>(undefined);
  const submit = (event: Event) => {
    event.preventDefault();
    const parsed = parsePin(text);
    if ("error" in parsed) setError(parsed.error);
    else onPin(text.trim());
  };
  return (
    <details open={pin !== ""}>
      <summary>{pin === "" ? "Pin a key" : "Pinned key"}</summary>
      <form class="stack" onSubmit={submit}>
        <Field
          label="Public key (PEM) or key id"
          hint="Kept in this browser. Only these keys then count."
          error={error}
        >
          {(field) => (
            <textarea
              {...field}
              rows={4}
              spellcheck={false}
              value={text}
              onInput={(event) => {
                setText(event.currentTarget.value);
                setError(undefined);
              }}
            />
          )}
        </Field>
        <div class="row">
          <Button type="submit" icon="pin">
            Verify by this key
          </Button>
          {pin !== "" && (
            <Button kind="quiet" onClick={() => onPin("")}>
              Forget it
            </Button>
          )}
        </div>
      </form>
    </details>
  );
}

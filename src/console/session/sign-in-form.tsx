import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { signIn } from "../data/session.js";
import { SessionError } from "../data/session-call.js";
import { Button } from "../elements/button.js";
import { Field } from "../elements/field.js";

interface SignInFormProps {
  readonly hint: ComponentChildren;
  /** Shown after the button. */
  readonly children?: ComponentChildren;
}

/** The one field of the sign-in. A password manager can keep the token. */
export function SignInForm({ hint, children }: SignInFormProps) {
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState<string | undefined>();
  const [isRunning, setRunning] = useState(false);
  const [isShown, setShown] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isRunning) return;
    const given = token.trim();
    if (given === "") {
      setProblem("Enter a token.");
      input.current?.focus();
      return;
    }
    setRunning(true);
    setProblem(undefined);
    try {
      await signIn(given);
    } catch (thrown) {
      setProblem(thrown instanceof SessionError ? thrown.message : "The server's answer cannot be read.");
      setRunning(false);
      // A screen reader then reads the field with its error.
      input.current?.focus();
      input.current?.select();
    }
  };
  return (
    <form class="stack" onSubmit={(event) => void submit(event)}>
      {/* Password managers keep a secret only with a name. */}
      <div class="visually-hidden" aria-hidden="true">
        <input type="text" name="username" autoComplete="username" value={location.host} tabIndex={-1} readOnly />
      </div>
      <Field label="Token" hint={hint} error={problem}>
        {(field) => (
          <input
            {...field}
            ref={input}
            {...({ type: isShown ? "text" : "password" } as { type: "password" })}
            name="password"
            autoComplete="current-password"
            autoCapitalize="none"
            spellcheck={false}
            maxLength={4096}
            value={token}
            onInput={(event) => {
              setToken(event.currentTarget.value);
              setProblem(undefined);
            }}
          />
        )}
      </Field>
      <label class="check">
        <input type="checkbox" checked={isShown} onChange={(event) => setShown(event.currentTarget.checked)} />
        Show the token
      </label>
      <Button type="submit" kind="primary" busy={isRunning}>
        Sign in
      </Button>
      {children}
    </form>
  );
}

import { useState } from "preact/hooks";
import { Button } from "../elements/button.js";
import { Field } from "../elements/field.js";
import { session, signIn } from "../data/session.js";

/** Asks for a token. */
export function SignInScreen() {
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState<string | undefined>();
  const state = session.value;
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      await signIn(token.trim());
    } catch (thrown) {
      setProblem(thrown instanceof Error ? thrown.message : String(thrown));
    }
  };
  return (
    <main class="sign-in">
      <h1>Sign in to Signet</h1>
      {state.kind === "signed-out" && state.because !== undefined && <p role="status">{state.because}</p>}
      <form class="stack" onSubmit={(event) => void submit(event)}>
        <Field label="Token" hint="An admin, ci or viewer token." error={problem}>
          {(field) => (
            <input
              {...field}
              type="password"
              autoComplete="current-password"
              value={token}
              onInput={(event) => setToken(event.currentTarget.value)}
            />
          )}
        </Field>
        <Button type="submit" kind="primary">
          Sign in
        </Button>
      </form>
    </main>
  );
}

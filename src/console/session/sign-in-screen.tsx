import { useEffect } from "preact/hooks";
import { links } from "../data/links.js";
import { loadSession, session } from "../data/session.js";
import { Button } from "../elements/button.js";
import { Icon } from "../elements/icon.js";
import { Command } from "../elements/text.js";
import { SignInForm } from "./sign-in-form.js";

/** Asks for a token, and says where one is. */
export function SignInScreen() {
  useEffect(() => {
    document.title = "Sign in · Signet";
  }, []);
  const state = session.value;
  return (
    <main class="sign-in stack">
      <header class="sign-in-head">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <circle cx="16" cy="16" r="14" />
          <path d="M10.5 16.4l3.9 3.9 7.4-8.2" />
        </svg>
        <h1>Sign in to Signet</h1>
      </header>
      {state.kind === "signed-out" && state.because !== undefined && <p role="status">{state.because}</p>}
      <section class="card">
        <SignInForm hint="An admin, ci or viewer token. You can do here what the token may do." />
      </section>
      <details class="sign-in-help">
        <summary>Where do I find a token?</summary>
        <div class="stack">
          <p>
            The first start wrote an admin token into the file <code>admin-token</code> of the data directory, which
            only the server's own account can read:
          </p>
          <Command text="cat data/admin-token" />
          <p>An administrator can make a token for you, for example one that only reads:</p>
          <Command text="signet token create --viewer --name alice" />
          <p class="muted">
            The token is sent once and is not kept in this browser: a session cookie stands for it, for 8 hours at most.{" "}
            <a href={links.docs("console")} target="_blank" rel="noreferrer">
              Documentation <Icon name="out" />
              <span class="visually-hidden">(new tab)</span>
            </a>
          </p>
        </div>
      </details>
    </main>
  );
}

/** When the server could not be asked whether somebody is signed in. */
export function UnreachableScreen({ problem }: { readonly problem: string }) {
  return (
    <main class="sign-in stack">
      <h1>Signet</h1>
      <p role="alert">{problem}</p>
      <p>
        <Button icon="refresh" onClick={() => void loadSession()}>
          Try again
        </Button>
      </p>
    </main>
  );
}

import { API_URL, BASE, links } from "../../data/links.js";
import { who } from "../../data/session.js";
import { Icon } from "../../elements/icon.js";
import { Empty } from "../../elements/states.js";
import { Page } from "../../shell/page.js";
import { Backups } from "./backups.js";
import { Diagnosis } from "./diagnosis.js";
import { LimitsHit } from "./limits-hit.js";
import { Nodes } from "./nodes.js";
import { ServerState } from "./server-state.js";

/** The server, for its operator: its state, what it found, nodes, backups, limits, licences. */
export function SystemScreen() {
  const isOperator = who.value?.operator ?? false;
  return (
    <Page title="System">
      <div class="stack">
        <ServerState />
        {isOperator ? (
          <>
            <Diagnosis />
            <Nodes />
            <Backups />
            <LimitsHit />
          </>
        ) : (
          <Empty
            title="More is for the operator"
            text="Sign in with an admin token of the server's first organization."
          />
        )}
        <section class="stack" aria-labelledby="system-links">
          <h2 id="system-links">Elsewhere</h2>
          <ul class="system-links">
            <ElsewhereLink href={links.docs()} text="API reference" />
            {isOperator && <ElsewhereLink href={`${API_URL}/metrics`} text="Metrics, for Prometheus" />}
            <ElsewhereLink href={`${BASE}THIRD-PARTY-LICENSES.txt`} text="Licences of what is in this console" />
          </ul>
          <p class="muted">
            The licences of all that is inside of the program: <code>signet licenses</code>
          </p>
        </section>
      </div>
    </Page>
  );
}

function ElsewhereLink({ href, text }: { readonly href: string; readonly text: string }) {
  return (
    <li>
      <a href={href} target="_blank" rel="noreferrer">
        {text} <Icon name="out" />
        <span class="visually-hidden">(new tab)</span>
      </a>
    </li>
  );
}

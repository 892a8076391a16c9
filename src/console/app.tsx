import { ErrorBoundary } from "preact-iso/lazy";
import { LocationProvider, Route, Router } from "preact-iso/router";
import type { FunctionComponent } from "preact";
import { BASE } from "./data/links.js";
import { HomeScreen } from "./screens/home/home-screen.js";
import { LanesScreen } from "./screens/lanes/lanes-screen.js";
import { NotFoundScreen } from "./screens/home/not-found-screen.js";
import { session } from "./data/session.js";
import { SessionEnd } from "./session/session-end.js";
import { SignInScreen, UnreachableScreen } from "./session/sign-in-screen.js";
import { Frame } from "./shell/frame.js";
import { lazyScreen } from "./shell/screen.js";

const PROJECT = "orgs/:org/projects/:project";
const fleet = lazyScreen(() => import("./screens/fleet/fleet-screen.js").then((screen) => screen.FleetScreen));
const pipelines = lazyScreen(() =>
  import("./screens/pipelines/pipelines-screen.js").then((screen) => screen.PipelinesScreen),
);
const webhooks = lazyScreen(() =>
  import("./screens/webhooks/webhooks-screen.js").then((screen) => screen.WebhooksScreen),
);

/** The screens, by their paths below /console/. All but the lanes are loaded when they are opened first. */
const SCREENS: readonly (readonly [path: string, screen: FunctionComponent])[] = [
  ["", HomeScreen],
  ["start", lazyScreen(() => import("./screens/start/start-screen.js").then((screen) => screen.StartScreen))],
  [PROJECT, LanesScreen],
  [
    `${PROJECT}/versions`,
    lazyScreen(() => import("./screens/versions/versions-screen.js").then((screen) => screen.VersionsScreen)),
  ],
  [
    `${PROJECT}/envs/:env/versions/:version`,
    lazyScreen(() => import("./screens/document/document-screen.js").then((screen) => screen.DocumentScreen)),
  ],
  [
    `${PROJECT}/envs/:env/publish`,
    lazyScreen(() => import("./screens/publish/publish-screen.js").then((screen) => screen.PublishScreen)),
  ],
  [
    `${PROJECT}/compare`,
    lazyScreen(() => import("./screens/compare/compare-screen.js").then((screen) => screen.CompareScreen)),
  ],
  [`${PROJECT}/pipelines`, pipelines],
  [`${PROJECT}/pipelines/:pipeline`, pipelines],
  [`${PROJECT}/fleet`, fleet],
  [
    `${PROJECT}/deployments`,
    lazyScreen(() => import("./screens/deployments/deployments-screen.js").then((screen) => screen.DeploymentsScreen)),
  ],
  [
    `${PROJECT}/settings`,
    lazyScreen(() => import("./screens/settings/settings-screen.js").then((screen) => screen.SettingsScreen)),
  ],
  [
    "orgs",
    lazyScreen(() =>
      import("./screens/organizations/organizations-screen.js").then((screen) => screen.OrganizationsScreen),
    ),
  ],
  [
    "orgs/:org",
    lazyScreen(() => import("./screens/projects/projects-screen.js").then((screen) => screen.ProjectsScreen)),
  ],
  ["orgs/:org/fleet", fleet],
  ["orgs/:org/audit", lazyScreen(() => import("./screens/audit/audit-screen.js").then((screen) => screen.AuditScreen))],
  ["orgs/:org/webhooks", webhooks],
  ["orgs/:org/webhooks/:webhook", webhooks],
  [
    "orgs/:org/tokens",
    lazyScreen(() => import("./screens/tokens/tokens-screen.js").then((screen) => screen.TokensScreen)),
  ],
  ["keys", lazyScreen(() => import("./screens/keys/keys-screen.js").then((screen) => screen.KeysScreen))],
  ["system", lazyScreen(() => import("./screens/system/system-screen.js").then((screen) => screen.SystemScreen))],
];

/** The console: the sign-in while nobody is signed in, else the screen of the URL in the frame. */
export function App() {
  const state = session.value;
  if (state.kind === "unknown")
    return state.problem === undefined ? null : <UnreachableScreen problem={state.problem} />;
  if (state.kind === "signed-out" && state.kept === undefined) return <SignInScreen />;
  return (
    <LocationProvider scope={BASE}>
      <SessionEnd />
      <ErrorBoundary>
        <Frame>
          <Router>
            {SCREENS.map(([path, screen]) => (
              <Route key={path} path={BASE + path} component={screen} />
            ))}
            <Route default component={NotFoundScreen} />
          </Router>
        </Frame>
      </ErrorBoundary>
    </LocationProvider>
  );
}

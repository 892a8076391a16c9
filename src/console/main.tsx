import { render } from "preact";
import { App } from "./app.js";
import { startLive } from "./data/live.js";
import { startTenancy } from "./data/tenancy.js";
import { loadSession, startSession } from "./data/session.js";
import { startSessionEnd } from "./session/session-end.js";
import { startPreferences } from "./data/preferences.js";

const place = document.getElementById("console");
if (place === null) throw new Error("index.html has no #console");
startPreferences();
startSession();
startSessionEnd();
startTenancy();
startLive();
render(<App />, place);
void loadSession();

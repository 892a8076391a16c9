import { render } from "preact";
import { App } from "./app.js";
import { startTenancy } from "./data/tenancy.js";
import { loadSession } from "./data/session.js";
import { startPreferences } from "./data/preferences.js";

const place = document.getElementById("console");
if (place === null) throw new Error("index.html has no #console");
startPreferences();
startTenancy();
render(<App />, place);
void loadSession();

import { benchAgentChecks } from "./agent-checks.js";
import { benchAgent } from "./agent.js";
import { benchAttack } from "./attack.js";
import { benchAttackWork } from "./attack-work.js";
import { benchAttestation } from "./attestation.js";
import { benchAuditLog } from "./audit-log.js";
import { benchBackup } from "./backup.js";
import { benchCluster } from "./cluster.js";
import { benchConsole } from "./console.js";
import { benchDisk } from "./disk.js";
import { benchFanout } from "./fanout.js";
import { benchHistory } from "./history.js";
import { benchMigrate } from "./migrate.js";
import { benchStanding } from "./nodes/standing.js";
import { benchPoll } from "./poll.js";
import { benchPromote } from "./promote.js";
import { benchPublish } from "./publish.js";
import { benchRuntimes } from "./runtimes.js";
import { benchStorm } from "./storm.js";
import { benchTlsReload } from "./tls-reload.js";
import { benchVerify } from "./verify.js";
import { benchWatches } from "./watches.js";
import { benchWebhooks } from "./webhooks.js";

/** `npm run bench -- NAME…` runs these; without a name all but `agent`, `attack`, `attestation`, `audit-log`, `backup`, `cluster`, `console`, `disk`, `migrate`, `runtimes`, `standing`, `verify`, `watches` and `history`, which needs 10 GB. */
const BENCHES = {
  agent: async () => {
    await benchAgentChecks();
    await benchAgent();
  },
  fanout: benchFanout,
  poll: benchPoll,
  storm: benchStorm,
  "tls-reload": benchTlsReload,
  publish: benchPublish,
  promote: benchPromote,
  webhooks: benchWebhooks,
  cluster: benchCluster,
  console: benchConsole,
  disk: benchDisk,
  backup: benchBackup,
  attestation: benchAttestation,
  "audit-log": benchAuditLog,
  attack: async () => {
    await benchAttack();
    await benchAttackWork();
  },
  history: benchHistory,
  migrate: benchMigrate,
  runtimes: benchRuntimes,
  standing: benchStanding,
  verify: benchVerify,
  watches: benchWatches,
};
type Name = keyof typeof BENCHES;

function isName(text: string): text is Name {
  return Object.hasOwn(BENCHES, text);
}

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !isName(name));
if (unknown !== undefined) {
  console.error(`there is no benchmark "${unknown}"; there are ${Object.keys(BENCHES).join(", ")}`);
  process.exit(2);
}
const names: readonly Name[] =
  asked.length > 0 ? asked.filter(isName) : ["fanout", "poll", "storm", "tls-reload", "publish", "promote", "webhooks"];
for (const name of names) {
  console.log(`\n# ${name}`);
  await BENCHES[name]();
}

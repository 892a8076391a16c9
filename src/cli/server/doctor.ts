import type { Command } from "commander";
import { fine, warning, type Finding, type FindingLevel } from "../../core/finding.js";
import { line } from "../../core/printable.js";
import { defined } from "../../core/defined.js";
import { sleep } from "../../core/schedule/wait.js";
import { timestampDate, type SignetClient } from "../../sdk/index.js";
import { UsageError } from "../shell/cli-error.js";
import { readClientTls } from "../shell/client-tls.js";
import { findToken } from "../shell/credentials.js";
import { EXIT_CODES } from "../shell/exit-codes.js";
import { examples } from "../shell/help.js";
import { serverUrl, Session } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { refuseUnusedOptions } from "../shell/used-options.js";
import { readConfig } from "./serve.js";
import type { Reached } from "./probe-request.js";
import { checkHeaders, checkHeldAnswer, checkStream, SILENCE_SECONDS } from "./proxy-checks.js";

type ServerFinding = Awaited<ReturnType<SignetClient["system"]["diagnoseServer"]>>["findings"][number];

interface Options extends GlobalOptions {
  readonly full?: true;
  readonly proxy?: true;
  readonly data?: string;
}

const HELP = `
Asks the server about its database, audit chain, keys, disk, clock, limits, certificate, tokens and webhooks (needs an admin token of
the first organization), and looks at the way to it: what a proxy in front changes. --url through the proxy checks that proxy; --proxy
also waits ${SILENCE_SECONDS} seconds to see whether silent connections are cut. --data examines the data directory of a stopped server
instead, or with SIGNET_DATABASE_URL the PostgreSQL server of running or stopped nodes. Nothing is changed. Exit code 0 if there is nothing to do, 10 if there are warnings or errors; what each finding means:
docs/troubleshooting.md, "What signet doctor finds".
`;

/** Between the server's clock and this one. */
const MAX_CLOCK_DIFFERENCE_MS = 5_000;
const PROGRESS_MS = 10_000;

/** `signet doctor`: examines a server and the way to it, or the data directory of a stopped server. */
export function addDoctor(program: Command, shell: Shell): void {
  program
    .command("doctor")
    .description("examine a server, its disk, keys and the proxy in front of it")
    .option("--full", "every page of the database and the whole audit; raise --timeout for a large one")
    .option("--proxy", `also check that ${SILENCE_SECONDS} seconds of silence are not cut`)
    .option("--data <dir>", "data directory of a stopped server, without a token")
    .addHelpText(
      "after",
      HELP +
        examples(
          "signet doctor",
          "signet doctor --url https://signet.example.com --proxy",
          "signet doctor --data /var/lib/signet --full",
        ),
    )
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      if (options.data !== undefined && options.proxy) throw new UsageError("--proxy needs a server: leave out --data");
      refuseUnusedOptions(command, options.data === undefined ? "server" : "nothing");
      const findings = options.data === undefined ? await online(shell, options) : await offline(shell, options);
      answer(shell, findings);
    });
}

async function offline(shell: Shell, { data, full }: Options): Promise<readonly Finding[]> {
  const config = readConfig(shell, defined({ data }));
  // Only here: other commands need no database.
  if (config.databaseUrl !== null) {
    const { diagnoseDatabase } = await import("../../server/offline-database.js");
    return await diagnoseDatabase(config, full === true);
  }
  const { diagnoseOffline } = await import("../../server/offline-diagnosis.js");
  return await diagnoseOffline(config, full === true);
}

async function online(shell: Shell, options: Options): Promise<readonly Finding[]> {
  const url = serverUrl(options);
  const token = findToken(shell, url);
  using session = Session.as(token, shell, options);
  const askedMs = Date.now();
  const { findings, at } = await session.client.system.diagnoseServer({ full: options.full === true });
  const clock = at === undefined ? [] : [clockFinding(timestampDate(at), askedMs, Date.now())];
  const reached: Reached = { url, token: token.token, tls: readClientTls(options) };
  const seconds = options.proxy === true ? SILENCE_SECONDS : 0;
  const headers = await checkHeaders(reached, options.timeout * 1000);
  const silence = await silenceOf(shell, reached, seconds);
  return [...findings.map(findingOf), ...clock, ...headers, ...silence];
}

/** A stream and a held answer at the same time: both have to be silent for as long. */
async function silenceOf(shell: Shell, reached: Reached, seconds: number): Promise<readonly Finding[]> {
  const { signal } = shell.io;
  const done = new AbortController();
  void tellProgress(shell, seconds, AbortSignal.any([signal, done.signal]));
  try {
    const stream = checkStream(reached, seconds, signal);
    const held = seconds === 0 ? [] : [checkHeldAnswer(reached, seconds, signal)];
    const [ofStream, ...ofAnswer] = await Promise.all([stream, ...held]);
    return [...ofStream, ...ofAnswer];
  } finally {
    done.abort();
  }
}

async function tellProgress(shell: Shell, seconds: number, signal: AbortSignal): Promise<void> {
  for (let left = seconds; left > 0 && !signal.aborted; left -= PROGRESS_MS / 1000) {
    shell.progress(`waiting ${left} s in silence`);
    await sleep(PROGRESS_MS, signal);
  }
}

/** The server's clock, read at some time between two of this one. */
function clockFinding(at: Date, askedMs: number, answeredMs: number): Finding {
  const id = "clock-difference";
  const [early, late] = [askedMs - at.getTime(), at.getTime() - answeredMs];
  const differenceMs = Math.max(early, late);
  if (differenceMs <= MAX_CLOCK_DIFFERENCE_MS) return fine(id, "the server's clock and this machine's agree");
  const text = `the server's clock is ${Math.round(differenceMs / 1000)} s ${late > early ? "ahead of" : "behind"} this machine's`;
  return warning(id, text, "check both against the time of your network (timedatectl, chronyc tracking)");
}

function findingOf({ id, level, summary, remedy }: ServerFinding): Finding {
  const known: FindingLevel = level === "ok" || level === "warning" ? level : "error";
  return { id, level: known, summary, remedy: remedy ?? null };
}

function answer(shell: Shell, findings: readonly Finding[]): void {
  shell.answer(
    () => JSON.stringify({ findings }),
    () => findings.map(textOf).join("") + summaryOf(findings),
  );
  if (findings.some(({ level }) => level !== "ok")) shell.exitCode = EXIT_CODES.findings;
}

function textOf({ id, level, summary, remedy }: Finding): string {
  const head = line`${level.padEnd(7)}  ${id}: ${summary}\n`;
  return remedy === null ? head : head + line`         do: ${remedy}\n`;
}

function summaryOf(findings: readonly Finding[]): string {
  const count = (level: FindingLevel) => findings.filter((it) => it.level === level).length;
  return line`\n${count("error")} errors, ${count("warning")} warnings, ${count("ok")} checks without a finding\n`;
}

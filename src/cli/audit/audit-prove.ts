import { stat } from "node:fs/promises";
import type { Command } from "commander";
import { encodeBase64 } from "../../bundle/base64.js";
import { activationOf, leafData } from "../../bundle/log/leaf.js";
import { LogError } from "../../bundle/log/log-error.js";
import { leafHash, verifyInclusion } from "../../bundle/log/merkle.js";
import { parseNoteKey, type NoteKey } from "../../bundle/log/note.js";
import { formatTlogProof } from "../../bundle/log/tlog-proof.js";
import { line } from "../../core/printable.js";
import { SignetError, type AuditEvent, type AuditInclusion } from "../../sdk/index.js";
import { CheckFailedError, UsageError } from "../shell/cli-error.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { inSession, type Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { readTextFile, writeFileAtomically } from "../shell/text-files.js";
import { fetchKeys, readKeys } from "../shell/trusted-keys.js";
import { EventChecker } from "./audit-events.js";
import {
  fetchCheckpoint,
  hashesOf,
  requireNote,
  verifyCheckpoint,
  type LogTrust,
  type VerifiedCheckpoint,
} from "./kept-checkpoint.js";

interface Options {
  readonly event?: number;
  readonly activation?: string;
  readonly keys?: string;
  readonly state?: string;
  readonly checkpoint?: string;
  readonly out?: string;
  readonly witness: readonly string[];
}

const HELP = `
Fetches the newest checkpoint and proofs, and verifies them here. With --state it keeps the newest checkpoint that it verified in a file, and
checks that the log still begins with that: then nothing of it was changed or removed. Run it from time to time, on another machine.

When the server lost events (a restore, a failover) the log goes on under a new origin. If the kept checkpoint has none of what was
lost, it says so and goes on; otherwise it fails with history_lost. To accept the loss, move the --state file away.

With --checkpoint the event is proven in the log of that checkpoint, for example one that witnesses cosigned; the server's log must
still begin with it.

Exit code 8 if something does not verify.
`;

/** `signet audit prove`: verifies the log on this side, against a checkpoint that it keeps. */
export function addAuditProve(audit: Command, shell: Shell): void {
  audit
    .command("prove")
    .description("verify that the log only grew, and that an event or activation is in it")
    .option("--event <id>", "prove that this event is in the log", wholeNumber(1))
    .option("--activation <digest>", "prove that an activation is: the hex SHA-256 of its payload")
    .option("--state <file>", "kept checkpoint: check that the log begins with it, and replace it")
    .option("--keys <file>", "public audit keys (PEM): trust only these")
    .option("--checkpoint <file>", "prove by this checkpoint instead of the server's newest")
    .option("--witness <key>", "verifier key of a witness that must have cosigned it; repeatable", collect, [])
    .option("--out <file>", "write the proof, a C2SP tlog-proof, to this file")
    .addHelpText(
      "after",
      HELP +
        examples(
          "signet audit prove --state checkpoint.txt --keys audit.pub",
          "signet audit prove --event 42 --out event-42.tlog-proof",
        ),
    )
    .action(
      inSession(shell, async (session, options: Options) => {
        const { event, activation, state, out } = options;
        if (event !== undefined && activation !== undefined) throw new UsageError("pass --event or --activation");
        if (out !== undefined && event === undefined && activation === undefined)
          throw new UsageError("--out needs --event or --activation");
        if (options.witness.length > 0 && options.checkpoint === undefined)
          throw new UsageError("--witness needs --checkpoint: the server's newest checkpoint has no witness yet");
        const trust = await trustOf(session, options, shell);
        const witnesses = options.witness.map(witnessOf);
        const kept = state === undefined ? null : await readState(state, trust, shell);
        const given = await readGiven(options.checkpoint, { ...trust, witnesses }, shell);
        if (given !== null) await fetchCheckpoint(session.client, given, trust);
        const { checkpoint: newest, hasNewOrigin } = await fetchCheckpoint(session.client, kept, trust);
        const checkpoint = given ?? newest;
        const proven = await proveEvent(session, options, checkpoint, trust);
        if (out !== undefined && proven !== null) await writeFileAtomically(out, proven.proof);
        if (state !== undefined) await writeFileAtomically(state, newest.note);
        if (hasNewOrigin) {
          shell.notice(
            line`the log has a new origin, ${checkpoint.origin}: the server lost events, none of which was in the kept checkpoint`,
          );
        }
        answer(shell, checkpoint, kept, proven);
      }),
    );
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

async function trustOf(session: Session, { keys }: Options, shell: Shell): Promise<LogTrust> {
  const trusted = keys === undefined ? await fetchKeys(session, "audit", shell) : await readKeys(keys, shell);
  return { orgId: await session.orgId(), keys: trusted, witnesses: [] };
}

function witnessOf(text: string): NoteKey {
  try {
    return parseNoteKey(text);
  } catch (thrown) {
    if (thrown instanceof LogError) throw new UsageError(`--witness: ${thrown.message}`);
    throw thrown;
  }
}

/** The kept checkpoint; null while there is no file. */
async function readState(file: string, trust: LogTrust, shell: Shell): Promise<VerifiedCheckpoint | null> {
  const isThere = await stat(file).then(
    () => true,
    (error: unknown) => (error as NodeJS.ErrnoException).code !== "ENOENT",
  );
  if (!isThere) return null;
  const note = requireNote(await readTextFile(file, shell.io), file);
  return await verifyCheckpoint(note, file, trust);
}

async function readGiven(file: string | undefined, trust: LogTrust, shell: Shell): Promise<VerifiedCheckpoint | null> {
  if (file === undefined) return null;
  return await verifyCheckpoint(requireNote(await readTextFile(file, shell.io), file), file, trust);
}

interface Proven {
  readonly event: AuditEvent;
  readonly activation: string | null;
  /** The text of the tlog-proof. */
  readonly proof: string;
}

/** Fetches the event and its proof in the log of the checkpoint. Null when none is asked for. */
async function proveEvent(
  { client }: Session,
  { event: eventId, activation }: Options,
  checkpoint: VerifiedCheckpoint,
  { orgId, keys }: LogTrust,
): Promise<Proven | null> {
  if (eventId === undefined && activation === undefined) return null;
  const wanted = eventId === undefined ? { activation: activation ?? "" } : { eventId };
  const inclusion = await client.audit.getAuditInclusion({ orgId, ...wanted, size: checkpoint.size });
  const event = await fetchEvent(client, orgId, inclusion);
  const checker = new EventChecker(orgId, keys, event.id - 1);
  const broken = checker.next(event);
  if (broken !== null) throw new CheckFailedError("signature", `event ${event.id}: ${broken.reason}`);
  const made = activationOf(JSON.parse(event.metadata) as Readonly<Record<string, unknown>>);
  if ((eventId !== undefined && event.id !== eventId) || (activation !== undefined && made !== activation)) {
    throw new CheckFailedError("not_included", `the server proves event ${event.id}, which is another one`);
  }
  const hash = checker.hashOf(event);
  const hashes = hashesOf(inclusion.hashes, "the server's proof");
  const index = event.id - 1;
  if (!verifyInclusion(index, checkpoint.size, leafHash(leafData(hash, made)), hashes, checkpoint.root)) {
    throw new CheckFailedError("not_included", `event ${event.id} is not in the log of ${checkpoint.size} events`);
  }
  const extra = Buffer.from(hash.slice("sha256:".length), "hex");
  return { event, activation: made, proof: formatTlogProof({ extra, index, hashes, checkpoint: checkpoint.note }) };
}

async function fetchEvent(client: Session["client"], orgId: string, { eventId }: AuditInclusion): Promise<AuditEvent> {
  const { events } = await client.audit.listAuditEvents({ orgId, after: eventId - 1, limit: 1 });
  const [event] = events;
  if (event?.id === eventId) return event;
  throw new SignetError("not_found", `event ${eventId} not found`);
}

function answer(
  shell: Shell,
  { origin, size, root, signers }: VerifiedCheckpoint,
  kept: VerifiedCheckpoint | null,
  proven: Proven | null,
): void {
  const witnesses = signers.flatMap(({ key, signedAt }) =>
    signedAt === null ? [] : [{ name: key.name, at: signedAt }],
  );
  shell.answer(
    () =>
      JSON.stringify({
        ...{ origin, size, root_hash: encodeBase64(root), kept_size: kept?.size ?? null },
        ...{ event_id: proven?.event.id ?? null, activation: proven?.activation ?? null, witnesses },
      }),
    () =>
      [
        line`the log ${origin} has ${size} events, root ${encodeBase64(root)}\n`,
        kept === null ? "" : `it begins with the ${kept.size} events of the kept checkpoint\n`,
        ...witnesses.map(({ name, at }) => line`cosigned by ${name} at ${new Date(at * 1000).toISOString()}\n`),
        proven === null ? "" : line`event ${proven.event.id}, ${proven.event.action}, is in it\n`,
        proven?.activation == null ? "" : line`and made the activation ${proven.activation}\n`,
      ].join(""),
  );
}

import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { CI, shell } from "./ci-script.js";

/** What a job of a CI service left behind. */
export interface JobEnd {
  readonly job: string;
  readonly code: number | null;
  readonly err: string;
}

type Variables = Readonly<Record<string, string>>;

/** As a checkout of the repository: the policy, and the script where the files expect it. */
function checkOut(scratch: string, policy: string): string {
  const directory = mkdtempSync(join(scratch, "checkout-"));
  mkdirSync(join(directory, "ci"));
  cpSync(join(CI, "signet.sh"), join(directory, "ci/signet.sh"));
  writeFileSync(join(directory, "policy.json"), policy);
  return directory;
}

function readYaml(name: string): Record<string, unknown> {
  return parse(readFileSync(join(CI, name), "utf8")) as Record<string, unknown>;
}

interface GitHubJob {
  readonly if?: string;
  readonly needs?: string;
  readonly environment: string;
  readonly env: Variables;
  readonly outputs?: Variables;
  readonly steps: readonly { readonly id?: string; readonly uses?: string; readonly run?: string }[];
}

/**
 * Runs the jobs of examples/ci/github.yml that an event starts, in order, until one fails. Throws at an expression that is not in
 * `context`: a value by its name, such as `vars.SIGNET_URL`; of `secrets`, by the environment's name and the secret's.
 */
export async function runGitHub(
  scratch: string,
  policy: string,
  event: "push" | "pull_request",
  context: Variables,
): Promise<readonly JobEnd[]> {
  const { env, jobs } = readYaml("github.yml") as { env: Variables; jobs: Readonly<Record<string, GitHubJob>> };
  const known = new Map(Object.entries(context));
  const ends: JobEnd[] = [];
  for (const [job, { if: condition = "", needs, environment, env: own, outputs = {}, steps }] of Object.entries(jobs)) {
    const wants =
      condition === "" ? needs !== undefined && known.has(`needs.${needs}.done`) : condition.includes(`== '${event}'`);
    if (!wants) continue;
    const evaluate = (text: unknown) =>
      String(text).replaceAll(/\$\{\{ ([\w.]+) \}\}/g, (_, name: string) => {
        const value = known.get(name.startsWith("secrets.") ? `${environment}.${name}` : name);
        if (value === undefined) throw new Error(`${job}: nothing is known of ${name}`);
        return value;
      });
    const directory = checkOut(scratch, policy);
    const variables = Object.fromEntries(
      Object.entries({ ...env, ...own }).map(([name, value]) => [name, evaluate(value)]),
    );
    for (const { id = "", run } of steps) {
      if (run === undefined) continue;
      const file = join(directory, "output");
      writeFileSync(file, "");
      const { code, err } = await shell(evaluate(run), directory, { ...variables, ...FASTER, GITHUB_OUTPUT: file });
      ends.push({ job, code, err });
      if (code !== 0) return ends;
      for (const [name, value] of pairs(readFileSync(file, "utf8"))) known.set(`steps.${id}.outputs.${name}`, value);
    }
    for (const [name, value] of Object.entries(outputs)) known.set(`needs.${job}.outputs.${name}`, evaluate(value));
    known.set(`needs.${job}.done`, "");
  }
  return ends;
}

interface GitLabJob {
  readonly stage?: string;
  readonly environment: string | { readonly name: string };
  readonly rules: readonly { readonly if: string }[];
  readonly variables?: Variables;
  readonly script: readonly string[];
}

/** The same of examples/ci/gitlab.yml; `tokens` by the environment's scope. Manual jobs are started too. */
export async function runGitLab(
  scratch: string,
  policy: string,
  event: "push" | "merge_request_event",
  given: Variables,
  tokens: Variables,
): Promise<readonly JobEnd[]> {
  const { stages, variables, default: _, ...rest } = readYaml("gitlab.yml");
  const jobs = Object.entries(rest).filter(([name]) => !name.startsWith(".")) as [string, GitLabJob][];
  const ends: JobEnd[] = [];
  let handed: Variables = {};
  for (const stage of stages as readonly string[]) {
    for (const [job, { environment, rules, variables: own = {}, script }] of jobs.filter(
      ([, each]) => each.stage === stage,
    )) {
      const isReview = rules.some((rule) => rule.if.includes("merge_request_event"));
      if (isReview !== (event === "merge_request_event")) continue;
      const scope = typeof environment === "string" ? environment : environment.name;
      const built: Variables = {
        ...given,
        CI_JOB_ID: `${given["CI_PIPELINE_ID"]}-${job}`,
        SIGNET_TOKEN: tokens[scope] ?? "",
      };
      const expand = (text: string) =>
        text.replaceAll(/\$(\w+)/g, (_whole, name: string) => built[name] ?? `unknown ${name}`);
      const declared = Object.entries({ ...(variables as Variables), ...own }).map(([name, value]) => [
        name,
        expand(value),
      ]);
      const directory = checkOut(scratch, policy);
      const env = { ...built, ...(Object.fromEntries(declared) as Variables), ...handed, ...FASTER };
      const { code, err } = await shell(script.join("\n"), directory, env);
      ends.push({ job, code, err });
      if (code !== 0) return ends;
      handed = event === "push" ? Object.fromEntries(pairs(readFileSync(join(directory, "deployed.env"), "utf8"))) : {};
    }
  }
  return ends;
}

const FASTER: Variables = { SIGNET_POLL_SECONDS: "0.1", SIGNET_WAIT_SECONDS: "30" };

function pairs(text: string): [string, string][] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split("=", 2) as [string, string]);
}

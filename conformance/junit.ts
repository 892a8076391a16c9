/** One case of h2spec's report. */
export interface SpecCase {
  /** As h2spec's arguments name it: `http2/5.1/8`. */
  readonly id: string;
  readonly title: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** What was expected and what came instead, a line each; empty unless it failed. */
  readonly lines: readonly string[];
}

const CASE = /<testcase package="([^"]+)" classname="([^"]*)" time="[^"]*">([^]*?)<\/testcase>/g;

/** The cases of h2spec's JUnit report: just what h2spec writes (the bytes of a frame among it), and not any XML. */
export function readCases(report: string): readonly SpecCase[] {
  const seen = new Map<string, number>();
  return [...report.matchAll(CASE)].map(([, section = "", title = "", content = ""]) => {
    const number = (seen.get(section) ?? 0) + 1;
    seen.set(section, number);
    const [, kind, text = ""] = /<(failure|error|skipped)>([^]*?)<\/\1>/.exec(content) ?? [];
    const outcome = kind === undefined ? "passed" : kind === "skipped" ? "skipped" : "failed";
    return { id: `${section}/${number}`, title, outcome, lines: text.split("\n").filter((line) => line !== "") };
  });
}

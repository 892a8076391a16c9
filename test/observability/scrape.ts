import { ADMIN_TOKEN, type TestServer } from "../support/server.js";

/** One line of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Scrape {
  readonly text: string;
  /** Type by the name of the family. */
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly Sample[];
  /** The only sample with these labels, among others; undefined when there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
}

/** What a scraper with the operator's token reads on the main port. */
export async function scrape(server: TestServer): Promise<Scrape> {
  const answer = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
  if (answer.status !== 200) throw new Error(`the scrape was answered with ${answer.status}`);
  return parseScrape(await answer.text());
}

/** Reads Prometheus' text format strictly: a line that it does not know throws. */
export function parseScrape(text: string): Scrape {
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("# HELP ")) continue;
    const [, family, type] = /^# TYPE ([a-z_0-9]+) (counter|gauge|histogram|summary)$/.exec(line) ?? [];
    if (family !== undefined && type !== undefined) types.set(family, type);
    else samples.push(sampleOf(line));
  }
  return {
    ...{ text, types, samples },
    value(name, labels = {}) {
      const found = samples.filter(
        (it) => it.name === name && Object.entries(labels).every(([label, value]) => it.labels[label] === value),
      );
      if (found.length > 1) throw new Error(`${name} ${JSON.stringify(labels)} is ${found.length} samples`);
      return found[0]?.value;
    },
  };
}

function sampleOf(line: string): Sample {
  const [, name, labels = "", value] = /^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (name === undefined || value === undefined) throw new Error(`no line of the text format: ${line}`);
  const pairs = [...labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"(?:,|$)/g)].map(([, key = "", text = ""]) => [
    key,
    text,
  ]);
  return {
    name,
    labels: Object.fromEntries(pairs) as Record<string, string>,
    value: Number(value.replace("Inf", "Infinity")),
  };
}

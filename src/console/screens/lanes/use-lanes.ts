import { useSignalEffect } from "@preact/signals";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { announce } from "../../data/announce.js";
import { client } from "../../data/client.js";
import { onEnvironmentNews } from "../../data/environment-news.js";
import type { ProjectAt } from "../../data/links.js";
import { projectOf } from "../../data/tenancy.js";
import { missed } from "../../data/topics.js";
import { useCall, type Call } from "../../data/use-call.js";
import type { Lane } from "./lane.js";
import { LanesReader } from "./lanes-reader.js";
import { lanesOf } from "./read-lanes.js";
import { activeDeployment } from "./standing.js";
import { activationWords } from "./words.js";

/** A lane that has just changed stands out for so long, in milliseconds. */
const FRESH_MS = 6_000;

/** The lanes of a project, kept up to date; at first as far as the list of projects tells. */
export function useLanes(at: ProjectAt): Call<readonly Lane[]> {
  const key = [at.org, at.project];
  const reader = useMemo(() => new LanesReader(at, client), key);
  // Before it reads.
  useEffect(() => onEnvironmentNews((news) => reader.hear(news)), [reader]);
  const misses = useRef(missed.peek());
  useSignalEffect(() => {
    if (missed.value !== misses.current) reader.missed();
    misses.current = missed.value;
  });
  const call = useCall((signal) => reader.read(signal), key, { refreshOn: [reader.due] });
  const reload = useCallback(() => {
    reader.outdate();
    call.reload();
  }, [reader, call.reload]);
  const project = projectOf(at);
  const first = project === undefined ? undefined : lanesOf(project.environments, new Map(), new Map());
  return { value: reader.lanes.value ?? first, error: call.error, isLoading: call.isLoading, reload };
}

/** The environments in which something became active just now, by their names. Says so politely too. */
export function useFreshActivations(lanes: readonly Lane[]): ReadonlySet<string> {
  const seen = useRef<ReadonlyMap<string, number> | undefined>(undefined);
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  const loaded = lanes.filter(({ isLoaded }) => isLoaded);
  const key = loaded.map(({ environment: { name, sequence } }) => `${name}@${sequence}`).join(" ");
  useEffect(() => {
    const before = seen.current;
    if (loaded.length > 0) seen.current = new Map(loaded.map(({ environment: { id, sequence } }) => [id, sequence]));
    if (before === undefined) return;
    const changed = loaded.filter(({ environment: { id, sequence } }) => (before.get(id) ?? sequence) < sequence);
    if (changed.length === 0) return;
    announce(changed.map((lane) => activationWords(lane.environment.name, activeDeployment(lane))).join(" "));
    const names = changed.map(({ environment }) => environment.name);
    setFresh((others) => new Set([...others, ...names]));
    const fade = () => setFresh((others) => new Set([...others].filter((name) => !names.includes(name))));
    setTimeout(fade, FRESH_MS);
  }, [key]);
  return fresh;
}

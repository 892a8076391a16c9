/** The steps of a first publish, in their order. */
export const STEPS = ["project", "policy", "runtime", "promote"] as const;

/** A step of a first publish. */
export type Step = (typeof STEPS)[number];

/** What the server tells of a first publish. */
export interface Progress {
  readonly hasProject: boolean;
  /** Something is active in the first environment. */
  readonly isPublished: boolean;
  /** A live runtime applied it. */
  readonly isApplied: boolean;
  /** Something is active in the environment that it promotes to; true where there is none. */
  readonly isPromoted: boolean;
}

/** Whether a step is done, by what the server tells: so that one who leaves goes on where it is. */
export function isDone(step: Step, { hasProject, isPublished, isApplied, isPromoted }: Progress): boolean {
  return { project: hasProject, policy: isPublished, runtime: isApplied, promote: isPromoted }[step];
}

/** The first step that is not done; the last one when all are. */
export function currentStep(progress: Progress): Step {
  return STEPS.find((step) => !isDone(step, progress)) ?? "promote";
}

/** The step of a query; undefined for one that is none. */
export function parseStep(text: string | undefined): Step | undefined {
  return STEPS.find((step) => step === text);
}

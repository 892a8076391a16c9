import type { ComponentChildren } from "preact";
import type { Organization, Project } from "../../../../gen/signet/v1/organization_pb.js";
import { links } from "../../data/links.js";
import { projectOf, tenancy, tenancyError } from "../../data/tenancy.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Icon } from "../../elements/icon.js";
import { Skeleton } from "../../elements/states.js";
import { useQuery } from "../../elements/use-query.js";
import { Page } from "../../shell/page.js";
import { laneOf } from "../lanes/lane.js";
import { useLanes } from "../lanes/use-lanes.js";
import { PolicyStep } from "./policy-step.js";
import { ProjectStep } from "./project-step.js";
import { PromoteStep } from "./promote-step.js";
import { RuntimeStep } from "./runtime-step.js";
import { currentStep, isDone, parseStep, STEPS, type Progress, type Step } from "./steps.js";

const TITLES: Readonly<Record<Step, string>> = {
  project: "Choose a project",
  policy: "Publish a policy",
  runtime: "Start a runtime",
  promote: "Promote it",
};

/** From nothing to a runtime that enforces a policy, step by step. What is done the server knows, so one can leave and come back. */
export function StartScreen() {
  const known = tenancy.value;
  const [query] = useQuery();
  if (known === undefined) {
    return tenancyError.value === undefined ? <Skeleton lines={6} /> : <ErrorNote error={tenancyError.value} />;
  }
  const { organization, projects } = known;
  const named = projectOf({ project: query["project"] ?? "" });
  const project = named ?? (projects.length === 1 ? projects[0] : undefined);
  const step = parseStep(query["step"]);
  if (project === undefined || step === "project") {
    return (
      <Frame step="project" progress={undefined} project={project}>
        <ProjectStep organization={organization} projects={projects} />
      </Frame>
    );
  }
  return <ProjectSteps key={project.id} organization={organization} project={project} wanted={step} />;
}

interface ProjectStepsProps {
  readonly organization: Organization;
  readonly project: Project;
  readonly wanted: Step | undefined;
}

function ProjectSteps({ organization, project, wanted }: ProjectStepsProps) {
  const at = { org: organization.slug, project: project.slug };
  const call = useLanes(at);
  const lanes = call.value ?? [];
  const lane = lanes.find(({ sources }) => sources === 0) ?? lanes[0];
  if (lane === undefined || (!lane.isLoaded && call.error === undefined)) return <Skeleton lines={6} />;
  const target = laneOf(lanes, lane.target?.name);
  const progress: Progress = {
    hasProject: true,
    isPublished: lane.environment.activeVersion !== undefined,
    isApplied: (lane.rollout?.applied ?? 0) > 0,
    isPromoted: target === undefined || target.environment.activeVersion !== undefined,
  };
  const step = wanted ?? currentStep(progress);
  return (
    <Frame step={step} progress={progress} project={project}>
      {call.error !== undefined && <ErrorNote error={call.error} retry={call.reload} />}
      {step === "policy" && <PolicyStep at={at} lane={lane} onPublished={call.reload} />}
      {step === "runtime" && <RuntimeStep at={at} lane={lane} onAsk={call.reload} />}
      {step === "promote" && <PromoteStep at={at} lane={lane} target={target} />}
    </Frame>
  );
}

interface FrameProps {
  readonly step: Step;
  /** Undefined before a project is chosen. */
  readonly progress: Progress | undefined;
  readonly project: Project | undefined;
  readonly children: ComponentChildren;
}

function Frame({ step, progress, project, children }: FrameProps) {
  return (
    <Page title="First publish" lead="From a policy to a runtime that enforces it.">
      <nav class="start-steps" aria-label="Steps">
        <ol>
          {STEPS.map((each, index) => {
            const done = progress !== undefined && isDone(each, progress);
            const text = (
              <>
                <span class="start-number" aria-hidden="true">
                  {done ? <Icon name="check" /> : index + 1}
                </span>
                {TITLES[each]}
                {done && <span class="visually-hidden"> (done)</span>}
              </>
            );
            return (
              <li key={each} class={done ? "start-done" : undefined} aria-current={each === step ? "step" : undefined}>
                {project === undefined ? (
                  <span>{text}</span>
                ) : (
                  <a href={links.start({ project: project.slug, step: each })}>{text}</a>
                )}
              </li>
            );
          })}
        </ol>
      </nav>
      <section class="card start-card" aria-labelledby="start-title">
        <h2 id="start-title">{TITLES[step]}</h2>
        {children}
      </section>
    </Page>
  );
}

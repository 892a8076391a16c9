import { useRoute } from "preact-iso/router";
import { projectOf } from "../../data/tenancy.js";
import { Page } from "../../shell/page.js";

/** The environments of a project in promotion order. */
export function LanesScreen() {
  const { params } = useRoute();
  const project = projectOf({ project: params["project"] ?? "" });
  return <Page title={project?.name ?? params["project"] ?? ""}>{null}</Page>;
}

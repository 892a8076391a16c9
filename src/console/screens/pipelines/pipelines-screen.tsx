import { useRoute } from "preact-iso/router";
import { projectAt } from "../../data/links.js";
import { PipelineBoard } from "./pipeline-board.js";
import { PipelineList } from "./pipeline-list.js";

/** The pipelines, or the board of one: from one environment to many at once, in stages. */
export function PipelinesScreen() {
  const { params } = useRoute();
  const at = projectAt(params);
  const { pipeline } = params;
  return pipeline === undefined ? <PipelineList at={at} /> : <PipelineBoard key={pipeline} at={at} id={pipeline} />;
}

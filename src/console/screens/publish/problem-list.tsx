import { Status, Name } from "../../elements/text.js";
import { counted } from "../../elements/counted.js";
import type { TextProblem } from "../../text/check-json.js";

/** Problems that are listed at most. */
const SHOWN = 20;

interface ProblemListProps {
  readonly problems: readonly TextProblem[];
  readonly onGo: (problem: TextProblem) => void;
}

/** What is wrong with the text; each leads to its place. */
export function ProblemList({ problems, onGo }: ProblemListProps) {
  if (problems.length === 0) return <Status tone="good" text="Valid: the server accepts it" />;
  return (
    <div class="problems">
      <Status tone="bad" text={counted(problems.length, "problem")} />
      <ul>
        {problems.slice(0, SHOWN).map((problem) => (
          <li key={`${problem.from} ${problem.message}`}>
            <button type="button" class="problem" onClick={() => onGo(problem)}>
              Line {problem.line}, column {problem.column}
            </button>
            : <Name text={problem.message} />
          </li>
        ))}
      </ul>
    </div>
  );
}

import { scanStrictJson } from "../../../bundle/strict-json.js";
import { AppError } from "../../../core/error.js";

/** The parts of a signed document that are shown, each as it is written there. */
export interface DocumentParts {
  readonly policies: string;
  /** `{}` when there are none. */
  readonly scopePolicies: string;
}

/** Levels of a document: those of the policies, and one around them. */
const MAX_LEVELS = 65;

/** Cuts the policies out of a document, without parsing them. Undefined for a text that is no document. */
export function partsOf(document: string): DocumentParts | undefined {
  try {
    const { spans } = scanStrictJson(document, { maxDepth: MAX_LEVELS, base: ["document"] });
    const textOf = (name: string) => {
      const span = spans.get(name);
      return span === undefined ? "{}" : document.slice(span.start, span.end);
    };
    return { policies: textOf("policies"), scopePolicies: textOf("scope_policies") };
  } catch (thrown) {
    if (thrown instanceof AppError) return undefined;
    throw thrown;
  }
}

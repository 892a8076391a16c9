import { Composer, isAlias, isMap, isScalar, isSeq, Parser, type Document } from "yaml";
import { JsonWriter, type Refuse, type YamlOptions } from "./json-writer.js";
import { tooDeepAt } from "./yaml-bounds.js";
import { yamlErrorAt } from "./yaml-error.js";
import { OTHER_LINE_BREAK } from "./yaml-versions.js";

/** Far above the depth of any policy, far below the depth of a stack. */
const MAX_LEVELS = 256;

/**
 * A YAML 1.2 document (core schema) as JSON text, limited to what both can express: no anchors, aliases, merge keys or tags; keys are
 * strings, each once; one document (and empty ones after it). Scalars that YAML 1.1 reads otherwise are refused. Numbers keep their
 * digits and their kind, so that the reader of the JSON judges what was written; block texts end as PyYAML has them. Time and memory
 * grow with the text's length alone, or with what anchors are expanded to.
 *
 * @throws YamlError
 */
export function yamlToJson(text: string, options: YamlOptions = {}): string {
  const refuse: Refuse = (problem, offset, remedy) => {
    throw yamlErrorAt(text, offset, problem, remedy);
  };
  const deep = tooDeepAt(text, MAX_LEVELS);
  if (deep !== undefined) return refuse(`more than ${MAX_LEVELS} levels`, deep);
  const [document, ...others] = documentsOf(text);
  if (document === undefined || isEmpty(document)) return refuse("the document is empty", 0);
  refuseProblems(document, refuse);
  const second = others.find((other) => !isEmpty(other) || other.errors.length > 0);
  if (second !== undefined) {
    refuse("a second document: only one is allowed, use a file for each", second.range[0]);
  }
  const insistOn12 = options.insistOn12 === true || document.directives.yaml.explicit === true;
  const lineBreak = insistOn12 ? -1 : text.search(OTHER_LINE_BREAK);
  if (lineBreak >= 0) {
    refuse("a line break in YAML 1.1 and none in YAML 1.2: escape it in double quotes", lineBreak, "insist");
  }
  const { contents } = document;
  if (options.rootIsObject === true && !isMap(contents) && !isAlias(contents)) {
    const what = isSeq(contents) ? "a list" : "a single value";
    refuse(`expected an object, found ${what}`, contents?.range[0] ?? 0, "under");
  }
  return new JsonWriter(text, refuse, { ...options, insistOn12 }).write(contents);
}

function documentsOf(text: string): Document.Parsed[] {
  const composer = new Composer({
    version: "1.2",
    schema: "core",
    merge: false,
    // The parser's own check compares every key with every other; JsonWriter's does not.
    uniqueKeys: false,
    // Integers as bigint: a double would round the long ones before they could be refused.
    intAsBigInt: true,
    prettyErrors: false,
  });
  return [...composer.compose(new Parser().parse(text), true, text.length)];
}

function refuseProblems(document: Document.Parsed, refuse: Refuse): void {
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) refuse(`${problem.message}${wayOut(problem.message)}`, problem.pos[0]);
  if (document.directives.yaml.version !== "1.2") refuse("only YAML 1.2 is allowed: remove the line %YAML", 0);
}

/** Other readers accept a quoted text that continues at the left margin, so its author sees nothing wrong. */
function wayOut(message: string): string {
  if (!message.startsWith("Missing closing")) return "";
  return " on this line: indent the lines that follow more than the key, or write it on one line";
}

function isEmpty({ contents }: Document.Parsed): boolean {
  return contents === null || (isScalar(contents) && contents.value === null && contents.source === "");
}

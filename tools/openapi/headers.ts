import { getOption, type DescEnum } from "@bufbuild/protobuf";
import { Header, header as headerOption, type HeaderRules } from "../../gen/signet/v1/options_pb.js";
import { commentOf } from "./comments.js";
import type { Header as HeaderObject, Parameter, Reference, Schema } from "./model.js";
import { integer as integerSchema } from "./schemas.js";

/** What every answer may have; the rate headers are there when there is a limit and the request came as far as the credentials. */
const ALWAYS = [Header.X_REQUEST_ID, Header.X_RATELIMIT_LIMIT, Header.X_RATELIMIT_REMAINING, Header.X_RATELIMIT_RESET];

/** The headers of signet.v1.Header as components; only those that something refers to are in the document. */
export class Headers {
  readonly components: Record<string, HeaderObject> = {};
  readonly parameters: Record<string, Parameter> = {};

  /** @param desc the enum with its comments */
  constructor(private readonly desc: DescEnum) {}

  /** A header that a request may have. */
  parameter(header: Header): Reference {
    const { name, description, schema } = this.partsOf(header);
    this.parameters[name] = { name, in: "header", description, schema };
    return { $ref: `#/components/parameters/${name}` };
  }

  /** The headers of an answer: those of all, and some more. */
  ofAnswer(more: readonly Header[] = []): Record<string, Reference> {
    return Object.fromEntries([...ALWAYS, ...more].map((header) => this.reference(header)));
  }

  /** The headers of an answer that needs no admission. */
  ofProbe(): Record<string, Reference> {
    return Object.fromEntries([this.reference(Header.X_REQUEST_ID)]);
  }

  /** Whether a value of the header can be refused. */
  isChecked(header: Header): boolean {
    return this.rulesOf(header).pattern !== "";
  }

  private reference(header: Header): [string, Reference] {
    const { name, description, schema } = this.partsOf(header);
    // In an answer a pattern would say nothing that the description does not.
    this.components[name] = { description, schema: schema["type"] === "integer" ? schema : { type: "string" } };
    return [name, { $ref: `#/components/headers/${name}` }];
  }

  private partsOf(header: Header): { name: string; description: string; schema: Schema } {
    const { name, pattern, integer } = this.rulesOf(header);
    const schema: Schema = integer ? integerSchema(0) : { type: "string", ...(pattern === "" ? {} : { pattern }) };
    return { name, description: commentOf(this.valueOf(header)), schema };
  }

  private rulesOf(header: Header): HeaderRules {
    return getOption(this.valueOf(header), headerOption);
  }

  private valueOf(header: Header) {
    const value = this.desc.value[header];
    if (value === undefined) throw new Error(`signet.v1.Header has no value ${header}`);
    return value;
  }
}

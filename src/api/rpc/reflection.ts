import type { DescFile, DescService } from "@bufbuild/protobuf";
import { Code, ConnectError, createServiceImplSpec, type MethodImplSpec, type ServiceImpl } from "@connectrpc/connect";
import { ServerReflection as ReflectionV1 } from "../../../gen/reflection/v1/reflection_pb.js";
import { ServerReflection as ReflectionV1Alpha } from "../../../gen/reflection/v1alpha/reflection_pb.js";
import { AppError } from "../../core/error.js";
import { DescriptorIndex } from "./descriptor-index.js";

/** Reflection needs no token. A client asks a handful of questions; after so many the stream ends. */
const MAX_QUESTIONS = 256;

/** What both versions ask; their messages differ in name only. */
interface Question {
  readonly host: string;
  readonly messageRequest:
    | { readonly case: "fileByFilename" | "fileContainingSymbol" | "allExtensionNumbersOfType"; readonly value: string }
    | { readonly case: "listServices"; readonly value: string }
    | {
        readonly case: "fileContainingExtension";
        readonly value: { readonly containingType: string; readonly extensionNumber: number };
      }
    | { readonly case: undefined };
}

/** grpc.reflection.v1 and v1alpha over the given services and over itself: a client such as grpcurl then needs no proto files. */
export function createReflectionMethods(services: readonly DescService[]): readonly MethodImplSpec[] {
  const index = new DescriptorIndex([...services, ReflectionV1, ReflectionV1Alpha]);
  const v1: ServiceImpl<typeof ReflectionV1> = {
    async *serverReflectionInfo(questions) {
      for await (const { question, answer } of answers(index, questions)) {
        yield { validHost: question.host, originalRequest: question, messageResponse: answer };
      }
    },
  };
  const v1alpha: ServiceImpl<typeof ReflectionV1Alpha> = {
    async *serverReflectionInfo(questions) {
      for await (const { question, answer } of answers(index, questions)) {
        yield { validHost: question.host, originalRequest: question, messageResponse: answer };
      }
    },
  };
  return [
    ...Object.values(createServiceImplSpec<typeof ReflectionV1>(ReflectionV1, v1).methods),
    ...Object.values(createServiceImplSpec<typeof ReflectionV1Alpha>(ReflectionV1Alpha, v1alpha).methods),
  ];
}

async function* answers<Q extends Question>(index: DescriptorIndex, questions: AsyncIterable<Q>) {
  const sent = new Set<DescFile>();
  let count = 0;
  for await (const question of readable(questions)) {
    if (++count > MAX_QUESTIONS)
      throw new AppError("rate_limited", `more than ${MAX_QUESTIONS} questions in one stream`);
    yield { question, answer: answerOf(index, question.messageRequest, sent) };
  }
}

/** Questions as they come. Throws `malformed` for one that does not parse: Connect's reader calls that an internal error. */
async function* readable<Q>(questions: AsyncIterable<Q>): AsyncGenerator<Q> {
  try {
    yield* questions;
  } catch (thrown) {
    if (!(thrown instanceof ConnectError) || thrown.code !== Code.Internal) throw thrown;
    throw new AppError("malformed", "a question is not a valid ServerReflectionRequest", { cause: thrown });
  }
}

function answerOf(index: DescriptorIndex, question: Question["messageRequest"], sent: Set<DescFile>) {
  switch (question.case) {
    case "fileByFilename":
      return files(index, index.file(question.value), sent, `file ${question.value}`);
    case "fileContainingSymbol":
      return files(index, index.fileOfSymbol(question.value), sent, `symbol ${question.value}`);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = question.value;
      const file = index.fileOfExtension(containingType, extensionNumber);
      return files(index, file, sent, `extension ${extensionNumber} of ${containingType}`);
    }
    case "allExtensionNumbersOfType": {
      const numbers = index.extensionNumbers(question.value);
      if (numbers === undefined) return refusal(Code.NotFound, `type ${question.value} not found`);
      const value = { baseTypeName: question.value, extensionNumber: [...numbers] };
      return { case: "allExtensionNumbersResponse" as const, value };
    }
    case "listServices": {
      const service = index.services.map((name) => ({ name }));
      return { case: "listServicesResponse" as const, value: { service } };
    }
    case undefined:
      return refusal(Code.InvalidArgument, "the request is empty");
  }
}

/** The file, then everything that it imports and this stream has not had yet. */
function files(index: DescriptorIndex, file: DescFile | undefined, sent: Set<DescFile>, what: string) {
  if (file === undefined) return refusal(Code.NotFound, `${what} not found`);
  const queue = [file];
  const answer = new Set([file]);
  for (const next of queue) {
    for (const dependency of next.dependencies) {
      if (answer.has(dependency) || sent.has(dependency)) continue;
      answer.add(dependency);
      queue.push(dependency);
    }
  }
  for (const one of answer) sent.add(one);
  const fileDescriptorProto = [...answer].map((one) => index.encode(one));
  return { case: "fileDescriptorResponse" as const, value: { fileDescriptorProto } };
}

function refusal(errorCode: Code, errorMessage: string) {
  return { case: "errorResponse" as const, value: { errorCode, errorMessage } };
}

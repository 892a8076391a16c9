import { AppError, type AppErrorCode, type FieldError } from "../../core/error.js";

/** What a task came to, as threads tell each other: an error loses its class on the way. */
export type Outcome =
  | { readonly answer: unknown }
  | {
      readonly refused: {
        readonly code: AppErrorCode;
        readonly message: string;
        readonly fields: readonly FieldError[];
        readonly reason: string | undefined;
      };
    }
  | { readonly failed: string };

/** Runs a task. Never throws. */
export function outcomeOf(task: () => unknown): Outcome {
  try {
    return { answer: task() };
  } catch (error) {
    if (!(error instanceof AppError)) return { failed: error instanceof Error ? (error.stack ?? "") : String(error) };
    const { code, message, fields, reason } = error;
    return { refused: { code, message, fields, reason } };
  }
}

/** The answer; throws the AppError that refused it, or `internal` with what failed as its cause. */
export function answerOf(outcome: Outcome): unknown {
  if ("answer" in outcome) return outcome.answer;
  if ("failed" in outcome) {
    throw new AppError("internal", "a document could not be processed", { cause: new Error(outcome.failed) });
  }
  const { code, message, fields, reason } = outcome.refused;
  throw new AppError(code, message, { fields, ...(reason === undefined ? {} : { reason }) });
}

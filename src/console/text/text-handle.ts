import type { TextProblem } from "./check-json.js";

/** Longer texts are not opened in an editor, in UTF-16 units: differences and downloads take their place. */
export const MAX_EDITED = 2 * 1024 * 1024;

/** A text that is open for reading. */
export interface TextHandle {
  /** Marks a line, from 1, and shows it; 0 marks none. */
  readonly goToLine: (line: number) => void;
  readonly search: () => void;
  readonly foldAll: () => void;
  readonly unfoldAll: () => void;
  readonly destroy: () => void;
}

/** What is opened for reading. */
export interface ReaderOptions {
  readonly text: string;
  /** For screen readers. */
  readonly label: string;
  readonly line?: number | undefined;
  /** A number of a line was clicked. */
  readonly onLine?: (line: number) => void;
}

/** A text that is open for writing. */
export interface EditorHandle {
  readonly replace: (text: string) => void;
  /** Marks problems that another one found, until the text is checked again. */
  readonly mark: (problems: readonly TextProblem[]) => void;
  /** Puts the cursor there. */
  readonly goTo: (problem: TextProblem) => void;
  readonly search: () => void;
  readonly destroy: () => void;
}

/** What is opened for writing. */
export interface EditorOptions {
  readonly text: string;
  readonly label: string;
  /** The help, for screen readers. */
  readonly describedBy: string;
  readonly check: (text: string) => readonly TextProblem[];
  readonly onChange: (text: string) => void;
}

/** A difference that is open. */
export interface DifferenceHandle {
  readonly goToLine: (line: number) => void;
  readonly search: () => void;
  readonly next: () => void;
  readonly previous: () => void;
  /** How many places differ. */
  readonly changes: number;
  readonly destroy: () => void;
}

/** What is compared. Lines are those of `after`. */
export interface DifferenceOptions {
  readonly before: string;
  readonly after: string;
  readonly label: string;
  readonly beforeLabel: string;
  readonly afterLabel: string;
  readonly mode: "unified" | "split";
  /** Leaves out what is alike, but for some lines around changes. */
  readonly onlyChanges: boolean;
  readonly line?: number | undefined;
  readonly onLine?: (line: number) => void;
}

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

/** Something that the palette offers, and a key may start. */
export interface ConsoleCommand {
  readonly id: string;
  readonly label: string;
  /** Keys pressed one after the other, for example `g f`; none for the palette alone. */
  readonly keys?: string;
  readonly run: () => void;
}

/** The commands of what is on the screen, newest last. */
export const commands = signal<readonly ConsoleCommand[]>([]);

/** Offers commands for as long as the component is there; `key` says when they are others. */
export function useCommands(offered: readonly ConsoleCommand[], key: string): void {
  useEffect(() => {
    commands.value = [...commands.value, ...offered];
    return () => {
      commands.value = commands.value.filter((command) => !offered.includes(command));
    };
  }, [key]);
}

/** How long the keys of one command may be apart, in milliseconds. */
const SEQUENCE_MS = 1_200;

/** Starts commands by their keys, and calls `open` for the palette (Ctrl-K, ⌘K) and the list of keys (`?`). Returns its end. */
export function listenForKeys(open: { readonly palette: () => void; readonly help: () => void }): () => void {
  let typed: readonly string[] = [];
  let lastMs = 0;
  const onKey = (event: KeyboardEvent) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open.palette();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event)) return;
    if (document.querySelector("dialog[open]") !== null) return;
    if (event.key === "?") {
      event.preventDefault();
      open.help();
      return;
    }
    typed = event.timeStamp - lastMs > SEQUENCE_MS ? [event.key] : [...typed, event.key].slice(-3);
    lastMs = event.timeStamp;
    const command = commands.value.findLast(({ keys }) => keys !== undefined && typed.join(" ").endsWith(keys));
    if (command === undefined) return;
    event.preventDefault();
    typed = [];
    command.run();
  };
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}

/** Whether the key goes into a field: that of a shadow root too. */
function isTyping(event: KeyboardEvent): boolean {
  const [element] = event.composedPath();
  if (!(element instanceof HTMLElement)) return false;
  return element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);
}

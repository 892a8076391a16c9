import { useEffect, useRef } from "preact/hooks";
import { Skeleton } from "../elements/states.js";
import type { TextProblem } from "./check-json.js";
import type { EditorHandle } from "./text-handle.js";
import { useShadow } from "./use-shadow.js";

/** What the editor can be told from outside. */
export type EditorRef = { current: EditorHandle | undefined };

interface TextEditorProps {
  /** The text at the start; later ones come by `replace` of the handle. */
  readonly text: string;
  readonly label: string;
  readonly check: (text: string) => readonly TextProblem[];
  readonly onChange: (text: string) => void;
  readonly editor: EditorRef;
}

/** How the keyboard leaves the editor: told before it, and by it to screen readers. */
export const KEYBOARD_HELP = "Tab indents. Press Esc and then Tab to leave the editor.";

/** An editor for a JSON text, which marks what `check` finds. */
export function TextEditor({ text, label, check, onChange, editor }: TextEditorProps) {
  const changed = useRef(onChange);
  changed.current = onChange;
  const checked = useRef(check);
  checked.current = check;
  const { host, handle, isFailed } = useShadow<EditorHandle>(
    (root, { openEditor }) =>
      openEditor(root, {
        text,
        label,
        describedBy: KEYBOARD_HELP,
        check: (current) => checked.current(current),
        onChange: (current) => changed.current(current),
      }),
    [],
  );
  useEffect(() => {
    editor.current = handle;
    return () => {
      editor.current = undefined;
    };
  }, [handle]);
  if (isFailed) {
    return (
      <textarea
        class="text-fallback"
        aria-label={label}
        spellcheck={false}
        value={text}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    );
  }
  return (
    <div class="text-box">
      {handle === undefined && <Skeleton lines={10} />}
      <div ref={host} class="text-host text-host-edit" />
    </div>
  );
}

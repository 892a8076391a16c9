import { useLocation } from "preact-iso/router";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Dialog } from "../elements/dialog.js";
import { Icon } from "../elements/icon.js";
import { tenancy } from "../data/tenancy.js";
import { links } from "../data/links.js";
import { commands } from "../data/commands.js";

interface Entry {
  readonly id: string;
  readonly label: string;
  readonly keys?: string | undefined;
  readonly run: () => void;
}

/** So many entries are shown. */
const SHOWN = 50;

/** The command palette: screens, projects and the commands of what is on the screen, by a part of their names. */
export function Palette({ onClose }: { readonly onClose: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const { route } = useLocation();
  const entries = useMemo<readonly Entry[]>(() => {
    const organization = tenancy.value?.organization.slug ?? "";
    const projects = (tenancy.value?.projects ?? []).map(({ slug, name }) => ({
      id: `project-${slug}`,
      label: `Project ${name}`,
      run: () => route(links.project({ org: organization, project: slug })),
    }));
    return [...commands.value, ...projects];
  }, [commands.value, tenancy.value]);
  const found = entries.filter(({ label }) => matches(label, text)).slice(0, SHOWN);
  const chosen = Math.min(at, Math.max(0, found.length - 1));
  useEffect(() => input.current?.focus(), []);
  useEffect(() => list.current?.children[chosen]?.scrollIntoView({ block: "nearest" }), [chosen]);
  const run = (entry: Entry | undefined) => {
    if (entry === undefined) return;
    onClose();
    entry.run();
  };
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setAt((chosen + step + found.length) % Math.max(1, found.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(found[chosen]);
    }
  };
  return (
    <Dialog title="Go to or do" onClose={onClose}>
      <input
        ref={input}
        class="palette-input"
        role="combobox"
        aria-label="Screen, project or command"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found.length === 0 ? undefined : `palette-${chosen}`}
        placeholder="Screen, project or command"
        autoComplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKey}
      />
      <ul ref={list} id="palette-list" class="palette-list" role="listbox" aria-label="Matches">
        {found.map((entry, index) => (
          <li
            key={entry.id}
            id={`palette-${index}`}
            role="option"
            aria-selected={index === chosen}
            onMouseMove={() => setAt(index)}
            onClick={() => run(entry)}
          >
            <Icon name="right" />
            <bdi>{entry.label}</bdi>
            {entry.keys !== undefined && <Keys keys={entry.keys} />}
          </li>
        ))}
      </ul>
      {found.length === 0 && <p class="muted">Nothing matches.</p>}
    </Dialog>
  );
}

/** The keys of the commands on the screen. */
export function KeysHelp({ onClose }: { readonly onClose: () => void }) {
  const withKeys = commands.value.filter(({ keys }) => keys !== undefined);
  const always = [
    { id: "palette", label: "Go to a screen, a project or a command", keys: "Ctrl-K" },
    { id: "help", label: "Show these keys", keys: "?" },
    { id: "close", label: "Close a dialog or a menu", keys: "Esc" },
  ];
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl class="keys">
        {[...always, ...withKeys].map(({ id, label, keys = "" }) => (
          <div key={id}>
            <dt>
              <bdi>{label}</bdi>
            </dt>
            <dd>
              <Keys keys={keys} />
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

function Keys({ keys }: { readonly keys: string }) {
  return (
    <span class="key-row">
      {keys.split(" ").map((key) => (
        <kbd key={key}>{key}</kbd>
      ))}
    </span>
  );
}

/** Whether each word of the text is in the label. */
function matches(label: string, text: string): boolean {
  const lower = label.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => lower.includes(word));
}

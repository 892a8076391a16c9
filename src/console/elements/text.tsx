import { useRef, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { announce } from "../data/announce.js";
import { Button } from "./button.js";
import { Icon, type IconName } from "./icon.js";

/** A text that others wrote, kept apart from the direction of what is around it. */
export function Name({ text }: { readonly text: string }) {
  return <bdi class="name">{text}</bdi>;
}

/** The start of a hash or an id, the whole as its title. */
export function Hash({ value, length = 12 }: { readonly value: string; readonly length?: number }) {
  return (
    <code class="hash" title={value}>
      {value.slice(0, length)}
    </code>
  );
}

/** A short label, for example of a bundle or a token's kind. */
export function Tag({ children }: { readonly children: ComponentChildren }) {
  return (
    <span class="tag">
      <bdi>{children}</bdi>
    </span>
  );
}

/** A label: its name and its value, each kept apart from the direction of the other. */
export function LabelTag({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <span class="tag">
      <bdi>{name}</bdi>=<bdi>{value}</bdi>
    </span>
  );
}

/** Who did something: the token's name and prefix. */
export interface ActorLike {
  readonly name?: string | undefined;
  readonly prefix?: string | undefined;
}

interface ActorProps {
  readonly performedBy: ActorLike | undefined;
  /** Of old events, which have no more: the prefix. */
  readonly actor?: string | undefined;
}

/** Who did it. */
export function Actor({ performedBy, actor = "" }: ActorProps) {
  const prefix = performedBy?.prefix ?? actor;
  const name = performedBy?.name ?? "";
  if (name === "") return <code class="actor">{prefix === "" ? "–" : prefix}</code>;
  return (
    <span class="actor" title={prefix}>
      <bdi>{name}</bdi>
    </span>
  );
}

/** How something is: its colour and its shape. */
export type Tone = "good" | "warn" | "bad" | "info" | "neutral";

const TONE_ICONS: Readonly<Record<Tone, IconName>> = {
  good: "check",
  warn: "warning",
  bad: "cross",
  info: "clock",
  neutral: "dot",
};

/** A state in words, with a shape and a colour. */
export function Status({ tone, text, icon }: { readonly tone: Tone; readonly text: string; readonly icon?: IconName }) {
  return (
    <span class={`status status-${tone}`}>
      <Icon name={icon ?? TONE_ICONS[tone]} />
      {text}
    </span>
  );
}

/** Copies a text; says so where it stands and to screen readers. */
export function Copy({
  text,
  label = "Copy",
  compact = false,
}: {
  readonly text: string;
  readonly label?: string;
  /** Only the icon; the label is for screen readers. */
  readonly compact?: boolean;
}) {
  const [done, setDone] = useState<"no" | "yes" | "failed">("no");
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const copy = async () => {
    const isCopied = await writeClipboard(text);
    setDone(isCopied ? "yes" : "failed");
    announce(isCopied ? "Copied" : "Copying failed: select the text and copy it");
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setDone("no"), 2_000);
  };
  const shown = done === "yes" ? "Copied" : done === "failed" ? "Not copied" : label;
  return (
    <Button
      kind="quiet"
      size="small"
      icon={done === "yes" ? "check" : "copy"}
      onClick={() => void copy()}
      {...(compact ? { "aria-label": label, title: shown } : {})}
    >
      {compact ? null : shown}
    </Button>
  );
}

/** Pages of plain HTTP have no clipboard but on loopback: there a selection is copied the old way. */
async function writeClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "visually-hidden";
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    // Deprecated, and the only way without a secure context.
    const isCopied = document.execCommand("copy");
    area.remove();
    return isCopied;
  }
}

/** A command or another short text to copy. */
export function Command({ text, label = "Copy command" }: { readonly text: string; readonly label?: string }) {
  return (
    <div class="command">
      <pre tabIndex={0} aria-label="Command">
        <code>{text}</code>
      </pre>
      <Copy text={text} label={label} compact />
    </div>
  );
}

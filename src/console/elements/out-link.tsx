import type { ComponentChildren } from "preact";
import { Icon } from "./icon.js";

/** A URL that others wrote, if a browser may be led there: http and https alone. */
export function safeUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, href } = new URL(text);
  return protocol === "https:" || protocol === "http:" ? href : undefined;
}

/** A link out of the console to what others wrote; what is no web address stays a text. */
export function OutLink({ url, children }: { readonly url: string; readonly children?: ComponentChildren }) {
  const href = safeUrl(url);
  const text = <bdi>{children ?? url}</bdi>;
  if (href === undefined) return text;
  return (
    <a class="out-link" href={href} title={href} target="_blank" rel="noopener noreferrer">
      {text}
      <Icon name="out" />
      <span class="visually-hidden"> (opens another site)</span>
    </a>
  );
}

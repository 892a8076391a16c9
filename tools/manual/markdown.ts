import { readFileSync } from "node:fs";
import { join } from "node:path";
import createMarkdownIt, { type MarkdownIt, type Token } from "markdown-it";
import { resolveLink } from "./links.js";

/** A heading of a page, with what stands below it. */
export interface Section {
  readonly level: number;
  /** Empty for what stands above the first heading below the title. */
  readonly anchor: string;
  readonly title: string;
  /** The words of its paragraphs, tables and code, without marks. */
  readonly text: string;
}

/** A page as HTML. */
export interface Rendered {
  readonly title: string;
  /** What stands inside of `<article>`. */
  readonly html: string;
  readonly sections: readonly Section[];
  /** Files of the repository that it links to or shows, by where they are served below /docs/. */
  readonly files: ReadonlyMap<string, string>;
}

/**
 * Renders a Markdown file: CommonMark with tables. HTML in it is shown as text, headings have the anchors that GitHub gives them, and
 * links lead to pages of the manual.
 */
export function renderMarkdown(root: string, file: string): Rendered {
  const md = createMarkdownIt({ html: false, linkify: false, typographer: false });
  const files = new Map<string, string>();
  const resolve = (link: string): string | null => {
    const target = resolveLink(root, file, link);
    if (target.file !== undefined && target.href !== null) files.set(target.href.split("#")[0] ?? "", target.file);
    return target.href;
  };
  writeCode(md);
  writeTables(md);
  const tokens = md.parse(readFileSync(join(root, file), "utf8"), {});
  const sections = readSections(tokens);
  for (const { children } of tokens) for (const token of children ?? []) rewrite(root, token, resolve);
  const title = sections[0]?.title;
  if (title === undefined || sections.filter(({ level }) => level === 1).length !== 1)
    throw new Error(`${file}: one heading of level 1 is the title`);
  return { title, html: md.renderer.render(tokens, md.options, {}), sections, files };
}

/** Sets anchors on headings, and gathers the text below each. */
function readSections(tokens: readonly Token[]): Section[] {
  const sections: (Section & { text: string })[] = [];
  const taken = new Map<string, number>();
  for (const [index, token] of tokens.entries()) {
    if (token.type === "heading_open") {
      const title = textOf(tokens[index + 1]);
      const slug = slugOf(title);
      const times = taken.get(slug) ?? 0;
      taken.set(slug, times + 1);
      const anchor = times === 0 ? slug : `${slug}-${times}`;
      token.attrSet("id", anchor);
      sections.push({ level: Number(token.tag.slice(1)), anchor, title, text: "" });
    } else if (token.type === "fence" || (token.type === "inline" && tokens[index - 1]?.type !== "heading_open")) {
      const last = sections.at(-1);
      if (last !== undefined) last.text += ` ${token.type === "fence" ? token.content : textOf(token)}`;
    }
  }
  return sections;
}

function textOf(inline: Token | undefined): string {
  return (inline?.children ?? [])
    .map(({ type, content }) => (type === "softbreak" ? " " : type === "image" ? "" : content))
    .join("");
}

/** The anchor that GitHub gives a heading. */
export function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

/** Points links and images into the manual. What leads nowhere in it becomes plain text. */
function rewrite(root: string, token: Token, resolve: (link: string) => string | null): void {
  if (token.type === "link_open") {
    const href = resolve(String(token.attrGet("href") ?? ""));
    if (href === null) token.tag = "span";
    token.attrs = href === null ? [] : [["href", href]];
  } else if (token.type === "image") {
    const source = resolve(String(token.attrGet("src") ?? "")) ?? "";
    const { width, height } = sizeOfPng(readFileSync(join(root, "docs", source)));
    token.attrs = [
      ["src", source],
      ["alt", token.content],
      ["width", String(width)],
      ["height", String(height)],
      ["loading", "lazy"],
    ];
  }
}

/** Width and height in pixels (PNG, 11.2.2: the first chunk is IHDR). */
function sizeOfPng(bytes: Buffer): { readonly width: number; readonly height: number } {
  if (bytes.toString("latin1", 12, 16) !== "IHDR") throw new Error("an image of the manual is no PNG");
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
}

/** Code can be scrolled with the keyboard; `manual.js` adds the button that copies. */
function writeCode(md: MarkdownIt): void {
  md.renderer.rules["fence"] = (tokens, index) => {
    const { content = "", info = "" } = tokens[index] ?? {};
    const language = /^[\w-]+/.exec(info)?.[0] ?? "";
    return `<div class="code" data-language="${language}"><pre tabindex="0"><code>${md.utils.escapeHtml(content)}</code></pre></div>\n`;
  };
}

/** Tables scroll in a box of their own, and a heading without words is no heading. */
function writeTables(md: MarkdownIt): void {
  md.renderer.rules["table_open"] = () => '<div class="table" tabindex="0"><table>\n';
  md.renderer.rules["table_close"] = () => "</table></div>\n";
  const cell = (tokens: readonly Token[], index: number, text: string): string => {
    const style = /text-align:(\w+)/.exec(String(tokens[index]?.attrGet("style") ?? ""))?.[1];
    return `<${text}${style === undefined ? "" : ` class="${style}"`}>`;
  };
  md.renderer.rules["th_open"] = (tokens, index) =>
    cell(tokens, index, tokens[index + 1]?.content === "" ? "td" : 'th scope="col"');
  md.renderer.rules["th_close"] = (tokens, index) => (tokens[index - 1]?.content === "" ? "</td>" : "</th>");
  md.renderer.rules["td_open"] = (tokens, index) => cell(tokens, index, "td");
}

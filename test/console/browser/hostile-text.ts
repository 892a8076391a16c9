import type { Page } from "playwright-core";
import { HOSTILE, HOSTILE_ELEMENT } from "../site/hostile.js";

/** What became of hostile texts in a page. */
export interface HostileReport {
  /** The numbers of the texts that the page shows. */
  readonly shown: readonly number[];
  /** What went wrong: markup that became elements, links that run scripts, texts that move what stands beside them. */
  readonly wrong: readonly string[];
}

// A text node with letters or marks of the other direction must be all of its element, and the element must be isolated. The editor puts
// names of the marks in their place, and tokens between the letters; options and titles are drawn by the system.
const INSPECT = `(() => {
  const shown = new Set(), wrong = [];
  const describe = (element) => element.localName + "." + element.className + " " + JSON.stringify(element.textContent.slice(0, 90));
  const isIsolated = (element) => /isolate|plaintext/.test(getComputedStyle(element).unicodeBidi);
  const visit = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.matches('${HOSTILE_ELEMENT}')) wrong.push("an element: " + describe(element));
      for (const name of ["href", "src", "action", "formaction"]) {
        const value = element.getAttribute(name) ?? "";
        if (/^[^a-z]*(javascript|data|vbscript):/i.test(value) && !/^data:image/.test(value)) wrong.push(name + ": " + describe(element));
      }
      for (const { name } of element.attributes) if (/^on/.test(name)) wrong.push(name + ": " + describe(element));
      if (element.shadowRoot) visit(element.shadowRoot);
    }
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const element = node.parentElement;
      if (element === null || element.closest("title, style, script")) continue;
      for (const [, number] of node.data.matchAll(/${HOSTILE}(\\d+)/g)) shown.add(Number(number));
      const isForeign = /[\\u0590-\\u08ff\\u202a-\\u202e\\u2066-\\u2069]/.test(node.data);
      if (!isForeign || element.closest(".cm-editor, option, textarea")) continue;
      let isolated = element;
      while (isolated !== null && !isIsolated(isolated)) isolated = isolated.parentElement;
      if (isolated === null || isolated.textContent.trim() !== node.data.trim()) wrong.push("not isolated: " + describe(element));
      else if (!/^["“]?[\\u0590-\\u08ff\\u202a-\\u202e\\u2066-\\u2069]/.test(node.data.trim()) && !/^[\\[{]/.test(node.data.trim()))
        wrong.push("mixed with other words: " + describe(element));
    }
  };
  visit(document);
  return { shown: [...shown].toSorted((a, b) => a - b), wrong };
})()`;

/** Looks through a page and its shadow roots. */
export async function inspectHostile(page: Page): Promise<HostileReport> {
  return await page.evaluate<HostileReport>(INSPECT);
}

import { existsSync } from "node:fs";
import { chromium, type Browser, type BrowserContextOptions } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { openWindow, type TestWindow } from "./window.js";

/** Where Debian's package puts it; npm brings none. */
const CHROMIUM = "/usr/bin/chromium";

// Nothing of these asks anyone but the server of the test.
const ARGUMENTS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"],
];

/** How a window differs from the one of most tests: light, 1280 × 800, without motion. */
export interface WindowOptions extends BrowserContextOptions {
  /** What the page may report besides: the test makes it happen. */
  readonly expected?: readonly RegExp[];
  /** It stays open until the end of the file: what its pages report fails the test in which they do. */
  readonly isShared?: boolean;
}

/** The browser of a test file. */
export interface TestBrowser {
  /** A window with cookies of its own, on the server at `url`. It is closed at the end of the test, unless it is shared. */
  open(url: string, options?: WindowOptions): Promise<TestWindow>;
}

/**
 * Starts a browser for the file that calls this at its top, and ends it with the file. After each test it closes the windows, and fails
 * when one of their pages broke the policy of its content, reported an error, lost a request, or asked another server.
 */
export function useBrowser(args: readonly string[] = []): TestBrowser {
  let browser: Browser | undefined;
  const windows: TestWindow[] = [];
  const shared: TestWindow[] = [];
  beforeAll(async () => {
    browser = await launch(args);
  });
  afterEach(async () => {
    const findings: string[] = [];
    for (const window of shared) findings.push(...window.findings.splice(0));
    for (const window of windows.splice(0)) {
      findings.push(...window.findings);
      await window[Symbol.asyncDispose]();
    }
    expect(findings, "what the pages of this test reported").toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
  });
  return {
    async open(url, { expected = [], isShared = false, ...options } = {}) {
      if (browser === undefined) throw new Error("a window before the browser: open it in a test or in beforeAll");
      const context = await browser.newContext({
        viewport: { width: 1280, height: 800 },
        colorScheme: "light",
        reducedMotion: "reduce",
        locale: "en-GB",
        timezoneId: "Europe/Berlin",
        ...options,
      });
      const window = await openWindow(context, url, expected);
      (isShared ? shared : windows).push(window);
      return window;
    },
  };
}

async function launch(args: readonly string[]): Promise<Browser> {
  if (!existsSync(CHROMIUM)) {
    throw new Error(`${CHROMIUM} is missing. On Debian and Ubuntu: apt-get install chromium (docs/testing.md)`);
  }
  return await chromium.launch({ executablePath: CHROMIUM, args: [...ARGUMENTS, ...args] });
}

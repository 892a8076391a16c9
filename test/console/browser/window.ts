import type { BrowserContext, ConsoleMessage, Page } from "playwright-core";

/** Long enough for a page on a machine that does other work. */
const PATIENCE_MS = 30_000;

/** A window of the browser: its tabs share cookies and storage. */
export interface TestWindow extends AsyncDisposable {
  readonly context: BrowserContext;
  /** Without a slash at its end. */
  readonly url: string;
  /** What its pages reported and no test expected: each a line. */
  readonly findings: string[];
  /** How often it was asked before a page with unsaved changes was left: the first `stay` times it stays. */
  readonly questions: { asked: number; stay: number };
  /** Opens a tab at a path of the server. */
  tab(path: string): Promise<Page>;
}

// Told through the console, which outlives the page.
const POLICY = "securitypolicyviolation";
const LISTENER = `document.addEventListener("${POLICY}", (event) =>
  console.error("${POLICY}: " + event.violatedDirective + " " + event.blockedURI + " " + event.sample));`;

/** Wraps a context of the browser; every page of it is watched from its first request on. */
export async function openWindow(
  context: BrowserContext,
  url: string,
  expected: readonly RegExp[],
): Promise<TestWindow> {
  const findings: string[] = [];
  const questions = { asked: 0, stay: 0 };
  let isOpen = true;
  const report = (text: string) => {
    if (isOpen && !expected.some((pattern) => pattern.test(text))) findings.push(text);
  };
  context.setDefaultTimeout(PATIENCE_MS);
  await context.addInitScript(LISTENER);
  context.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== new URL(url).origin) report(`another origin: ${request.url()}`);
  });
  context.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText ?? "";
    // The page went elsewhere, or a call was given up.
    if (reason !== "net::ERR_ABORTED") report(`request failed: ${request.url()} ${reason}`);
  });
  context.on("console", (message) => {
    if (message.type() === "error" && !isAnswer(message)) report(`console: ${describe(message)}`);
  });
  context.on("weberror", (error) => report(`exception: ${error.error().stack ?? error.error().message}`));
  context.on("page", (page) => {
    page.on("crash", () => report("the page crashed"));
    page.on("dialog", (dialog) => {
      const isQuestion = dialog.type() === "beforeunload" || dialog.message().startsWith("Leave this page?");
      if (isQuestion) questions.asked += 1;
      else report(`a script ran: ${dialog.type()} ${dialog.message()}`);
      void (isQuestion && questions.asked > questions.stay ? dialog.accept() : dialog.dismiss());
    });
  });
  return {
    context,
    url,
    findings,
    questions,
    async tab(path) {
      const page = await context.newPage();
      await page.goto(`${url}${path}`);
      return page;
    },
    async [Symbol.asyncDispose]() {
      isOpen = false;
      await context.close();
    },
  };
}

/** Chromium reports every 4xx as an error: also the 401 before the sign-in, and the 404 of what need not be there. */
function isAnswer(message: ConsoleMessage): boolean {
  const { url } = message.location();
  if (/ 401 /.test(message.text())) return url.endsWith("/console/session");
  return / 404 /.test(message.text()) && url.endsWith("/GetPolicySchema");
}

function describe(message: ConsoleMessage): string {
  return `${message.text()} (${message.location().url})`;
}

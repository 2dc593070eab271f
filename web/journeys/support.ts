/** A running demo, a real browser, and what the journeys share. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import axe from "axe-core";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const ROOT = resolve(import.meta.dirname, "../..");
const SCREENSHOTS = join(ROOT, "screenshots");

export type DemoState = {
  url: string;
  imapPort: number;
  imapsPort: number;
  mailPassword: string;
  signInPassword: string;
  exim: string;
  alice: string;
  submissionPort: number;
  issuer: string;
};

export class Demo {
  private constructor(
    private readonly process: ChildProcess,
    private readonly folder: string,
    readonly state: DemoState,
    readonly browser: Browser,
  ) {}

  static async start(...options: string[]): Promise<Demo> {
    const folder = mkdtempSync(join(tmpdir(), "waxseal-journeys-"));
    const file = join(folder, "state.json");
    const binaries = process.env.BINARIES ?? join(ROOT, "target/debug");
    const child = spawn(
      join(binaries, "demo"),
      [join(binaries, "waxseal"), "--port", String(await freePort()), "--state", file, ...options],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    await new Promise<void>((ready, failed) => {
      child.stdout?.on("data", (chunk: Buffer) => chunk.toString().includes("ready ") && ready());
      child.on("exit", (code) => failed(new Error(`the demo ended with ${code}`)));
    });
    const browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu"],
    });
    mkdirSync(SCREENSHOTS, { recursive: true });
    return new Demo(child, folder, JSON.parse(readFileSync(file, "utf8")) as DemoState, browser);
  }

  async stop(): Promise<void> {
    await this.browser.close();
    const ended = new Promise((done) => this.process.once("exit", done));
    this.process.kill("SIGTERM");
    await ended;
    rmSync(this.folder, { recursive: true, force: true });
  }

  async context(
    options: { dark?: boolean; narrow?: boolean; touch?: boolean } = {},
  ): Promise<BrowserContext> {
    const context = await this.browser.newContext({
      baseURL: this.state.url,
      colorScheme: options.dark ? "dark" : "light",
      viewport: options.narrow ? { width: 390, height: 844 } : { width: 1440, height: 860 },
      hasTouch: options.touch ?? false,
      isMobile: options.touch ?? false,
    });
    context.setDefaultTimeout(30_000);
    return context;
  }

  async signIn(context: BrowserContext, login: string): Promise<Page> {
    const page = await context.newPage();
    await page.goto("/inbox");
    await page.getByLabel("Login").fill(login);
    await page.getByLabel("Password", { exact: true }).fill(this.state.signInPassword);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("navigation", { name: "Main" }).waitFor();
    return page;
  }

  /** The same person in dark, and on a narrow screen. */
  async inOtherLooks(
    page: Page,
    visit: (page: Page, name: "dark" | "narrow") => Promise<void>,
  ): Promise<void> {
    const { cookies } = await page.context().storageState();
    for (const name of ["dark", "narrow"] as const) {
      const context = await this.context({ [name]: true });
      await context.addCookies(cookies);
      await visit(await context.newPage(), name);
      await context.close();
    }
  }

  /** Hands a message to the real MTA, as a customer's server would. */
  deliver(from: string, subject: string, text: string): void {
    const raw = `From: ${from}\nTo: ${this.state.alice}\nSubject: ${subject}\nMessage-ID: <${Date.now()}@out.example>\n\n${text}\n`;
    const sent = spawnSync(
      "/usr/sbin/exim4",
      ["-C", this.state.exim, "-i", "-odf", "-f", "kelly@out.example", this.state.alice],
      { input: raw },
    );
    if (sent.status !== 0) throw new Error(`exim4: ${sent.stderr.toString()}`);
  }

  /** Another IMAP client (curl): every message of a folder of somebody's mailbox, newest last. */
  mailbox(user: string, folder = "INBOX"): string[] {
    const server = `imap://127.0.0.1:${this.state.imapPort}/${folder}`;
    const login = ["-s", "-u", `${user}:${this.state.mailPassword}`];
    const found = spawnSync("curl", [...login, server, "-X", "UID SEARCH ALL"]).stdout.toString();
    const uids = found.match(/\d+/g) ?? [];
    return uids.map((uid) =>
      spawnSync("curl", [...login, `${server};UID=${uid}`]).stdout.toString(),
    );
  }

  /** Another IMAP client files a message, as a phone does with what it has sent. */
  file(user: string, folder: string, raw: string): void {
    const server = `imap://127.0.0.1:${this.state.imapPort}/${folder}`;
    const message = join(this.folder, "message.eml");
    writeFileSync(message, raw.replaceAll("\n", "\r\n"));
    const done = spawnSync("curl", [
      "-sS",
      "-u",
      `${user}:${this.state.mailPassword}`,
      "-T",
      message,
      server,
    ]);
    if (done.status !== 0) throw new Error(`curl: ${done.stderr.toString()}`);
  }

  /** Any message, as the server of its sender hands it over. */
  receive(from: string, raw: string): void {
    const sent = spawnSync(
      "/usr/sbin/exim4",
      ["-C", this.state.exim, "-i", "-odf", "-f", from, this.state.alice],
      { input: raw },
    );
    if (sent.status !== 0) throw new Error(`exim4: ${sent.stderr.toString()}`);
  }
}

/** Waits until it is there, looking again; fails after twenty seconds: a message waits ten to be taken back. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const end = Date.now() + 30_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`${what}: not within thirty seconds`);
    await new Promise((wait) => setTimeout(wait, 150));
  }
}

/** Takes back what this notice tells of. By its text: the notice of what was done before may stand beside it. */
export function undo(page: Page, notice: string) {
  return page
    .getByRole("alert")
    .filter({ hasText: notice })
    .getByRole("button", { name: "Undo" })
    .click();
}

/** Keeps a picture to be looked at. */
export function screenshot(page: Page, name: string) {
  return page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
}

/** Serious and critical violations of WCAG on this page. */
export async function violations(page: Page): Promise<string[]> {
  // Evaluated, not added as a script: the page's policy allows none but its own.
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    // What fades has the contrast of neither of its ends. What goes round for ever (a loader) is not waited for.
    for (;;) {
      // Some begin to fade a frame after they were told to.
      await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
      const fading = document
        .getAnimations()
        .filter(
          (animation) =>
            animation.effect?.getComputedTiming().endTime !== Infinity &&
            animation.playState === "running",
        );
      if (fading.length === 0) break;
      await Promise.allSettled(fading.map((animation) => animation.finished));
    }
    const found = await (globalThis as unknown as { axe: typeof axe }).axe.run(document, {
      iframes: false,
    });
    return found.violations
      .filter((violation) => violation.impact === "serious" || violation.impact === "critical")
      .map(
        (violation) =>
          `${violation.id}: ${violation.nodes.map((node) => `${node.target.join(" ")} ${node.any[0]?.message ?? ""}`).join("; ")}`,
      );
  });
}

function freePort(): Promise<number> {
  return new Promise((found) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => found(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/** Opens hostile documents in Chromium and writes a line of JSON for each: did a script run, what was called. */
import { readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { type Browser, chromium, type Frame, type Page } from "playwright-core";

const AT_ONCE = 40;
const [address = "", count = "0", certificate = "", key = "", ...layers] = process.argv.slice(2);

/** Whatever a payload does to be noticed, is. A text: what runs in the page may need no helper of ours. */
const NOTICE = `{
  const noticed = () => console.log("waxseal-ran " + window.name);
  for (const name of ["alert", "confirm", "prompt", "print", "open"]) Object.defineProperty(window, name, { value: noticed });
  Object.defineProperty(window, "__xss", { set: noticed, get: () => undefined });
}`;

/** Stands in for every host of the world: whoever calls one, calls here. */
const called: string[] = [];
/** Hosts of encrypted connections, whether or not anything was asked there: Chromium connects ahead of its policies. */
const connected: string[] = [];
// Chromium looks for an account, for help with forms and for news of itself.
const ITS_OWN = /accounts\.google\.com|(content-autofill|update)\.googleapis\.com/;
const encrypted = createTlsServer(
  { cert: readFileSync(certificate), key: readFileSync(key) },
  answer,
);
const world = createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.once("data", (bytes) => {
    const text = bytes.toString("latin1");
    socket.unshift(bytes);
    if (bytes[0] !== 0x16) return answer(socket);
    if (!ITS_OWN.test(text))
      connected.push(/[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}/i.exec(text)?.[0] ?? "no name");
    encrypted.emit("connection", socket);
  });
});
encrypted.on("tlsClientError", (_error, socket) => socket.destroy());

function answer(socket: Socket): void {
  socket.on("error", () => socket.destroy());
  socket.once("data", (bytes) => {
    const head = bytes.toString("latin1").split("\r\n");
    const request = `${head[0] ?? ""} ${head.find((line) => /^host:/i.test(line)) ?? ""}`;
    if (!ITS_OWN.test(request)) called.push(request);
    socket.end("HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Origin: *\r\n\r\n");
  });
}
await new Promise<void>((ready) => world.listen(0, "127.0.0.1", ready));
const port = (world.address() as { port: number }).port;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--ignore-certificate-errors",
    `--host-resolver-rules=MAP * 127.0.0.1:${port}, EXCLUDE 127.0.0.1`,
  ],
});
try {
  for (const layer of layers) {
    for (let from = 0; from < Number(count); from += AT_ONCE)
      await open(browser, layer, from, Math.min(from + AT_ONCE, Number(count)));
  }
} finally {
  await browser.close();
  world.close();
}

async function open(browser: Browser, layer: string, from: number, until: number): Promise<void> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const requests = new Map<string, string[]>();
  const ran = new Set<string>();
  page.on("dialog", (dialog) => void dialog.dismiss().catch(() => undefined));
  page.on("console", (message) => {
    const [mark, name] = message.text().split(" ");
    if (mark === "waxseal-ran" && name) ran.add(name);
  });
  // Only what got an answer has left: what a policy stops is told as a request, too.
  page.on("response", (response) => {
    const { protocol, origin } = new URL(response.url());
    if (!protocol.startsWith("http") || origin === address) return;
    const frame = nameOf(response.frame());
    requests.set(frame, [...(requests.get(frame) ?? []), response.url()]);
  });
  await page.addInitScript(NOTICE);
  const before = [called.length, connected.length];
  await page
    .goto(`${address}/page/${layer}/${from}/${until}`, { waitUntil: "load", timeout: 20_000 })
    .catch(() => undefined);
  // What is only measured must not be changed.
  if (!layers.includes("quiet")) await provoke(page);
  await page.waitForTimeout(150);
  const names = Array.from({ length: until - from }, (_, number) => `case-${from + number}`);
  const texts = await Promise.all(names.map((name) => textOf(page, name)));
  for (const [at, name] of names.entries()) {
    const [number, text] = [from + at, texts[at]];
    process.stdout.write(
      `${JSON.stringify({ layer, case: number, ran: ran.has(name), requests: requests.get(name) ?? [], text })}\n`,
    );
  }
  if (layer !== "bare")
    process.stdout.write(
      `${JSON.stringify({ layer, from, called: called.slice(before[0]), connected: connected.slice(before[1]) })}\n`,
    );
  await context.close();
}

function nameOf(frame: Frame): string {
  return frame.name() || (frame.parentFrame() ? nameOf(frame.parentFrame() as Frame) : "page");
}

/** Everything that a reader might do without following a link. */
async function provoke(page: Page): Promise<void> {
  const all = page.frames().map((frame) => {
    const acts = frame.evaluate(() => {
      for (const element of Array.from(document.querySelectorAll<HTMLElement>("*"))) {
        for (const kind of [
          "mouseover",
          "mouseenter",
          "mousemove",
          "focus",
          "toggle",
          "pointerenter",
        ])
          element.dispatchEvent(new Event(kind, { bubbles: true }));
        // As the browser reads it: tabs and lines within a scheme do not count.
        const { href = "" } = element.closest<HTMLAnchorElement>("a, area") ?? {};
        if (!/^(https?|mailto|tel|ftp):/.test(href)) element.click?.();
      }
    });
    return Promise.race([
      acts.catch(() => undefined),
      new Promise((late) => setTimeout(late, 700)),
    ]);
  });
  await Promise.all(all);
}

/** What people see, without white space; what is folded counts, what we add does not. */
async function textOf(page: Page, name: string): Promise<string> {
  const frame = page.frames().find((frame) => frame.name() === name);
  const text = frame?.evaluate(() => {
    for (const ours of Array.from(
      document.querySelectorAll(".link-target, details.quoted > summary"),
    ))
      ours.remove();
    for (const folded of Array.from(document.querySelectorAll("details"))) folded.open = true;
    return (document.body?.innerText ?? "").replace(/\p{White_Space}|\p{Cf}/gu, "");
  });
  return Promise.race([
    text?.catch(() => "") ?? "",
    new Promise<string>((late) => setTimeout(() => late("(no answer)"), 3_000)),
  ]);
}

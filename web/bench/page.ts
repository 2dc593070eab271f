/**
 * The browser's part of `make bench`; ends with its standard input.
 *
 * `load URL LOGIN PASSWORD`: how long a first visit takes until the Inbox shows its rows, and how much script it loads.
 * `watch URL LOGIN PASSWORD`: a line for each new row of the Inbox: its subject, and when it was there (ms since 1970).
 */
import { gzipSync } from "node:zlib";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";

const RUNS = 3;
const [mode = "", url = "", login = "", password = ""] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
try {
  await (mode === "watch" ? watch(browser) : load(browser));
  await new Promise((end) => process.stdin.on("end", end).resume());
} finally {
  await browser.close();
}

async function signIn(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  await page.goto("/inbox");
  await page.getByLabel("Login").fill(login);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Inbox" }).waitFor();
  return page;
}

/** Each visit with an empty cache, and signed in. */
async function load(browser: Browser): Promise<void> {
  const first = await browser.newContext({ baseURL: url });
  await signIn(first);
  const cookies = await first.cookies();
  const times: number[] = [];
  let script = 0;
  for (let run = 0; run < RUNS; run++) {
    const context = await browser.newContext({ baseURL: url });
    await context.addCookies(cookies);
    const page = await context.newPage();
    const bodies: Promise<Buffer>[] = [];
    page.on("response", (response) => {
      if (response.request().resourceType() === "script") bodies.push(response.body());
    });
    const began = Date.now();
    await page.goto("/inbox", { waitUntil: "commit" });
    await page.locator("[data-message]").first().waitFor();
    times.push(Date.now() - began);
    script = (await Promise.all(bodies)).reduce((sum, body) => sum + gzipSync(body).length, 0);
    await context.close();
  }
  const usable = times.sort((one, other) => one - other)[Math.floor(RUNS / 2)] ?? 0;
  process.stdout.write(
    `${JSON.stringify({ inbox_usable_ms: usable, web_script_gzip_kib: Math.round(script / 102.4) / 10 })}\n`,
  );
}

async function watch(browser: Browser): Promise<void> {
  const context = await browser.newContext({
    baseURL: url,
    viewport: { width: 1440, height: 860 },
  });
  const page = await signIn(context);
  await page.locator("[data-message]").first().waitFor();
  page.on("console", (message) => {
    const [mark, subject, moment] = message.text().split(" ");
    if (mark === "row") process.stdout.write(`${subject} ${moment}\n`);
  });
  // A text, so that nothing is added to it: it runs in the page.
  await page.evaluate(`{
    const seen = new Set(Array.from(document.querySelectorAll("[data-message]"), (row) => row.dataset.message));
    new MutationObserver(() => {
      for (const row of document.querySelectorAll("[data-message]")) {
        if (seen.has(row.dataset.message)) continue;
        seen.add(row.dataset.message);
        console.log("row " + row.querySelector(".subject").textContent + " " + Date.now());
      }
    }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
  }`);
  process.stdout.write("ready\n");
}

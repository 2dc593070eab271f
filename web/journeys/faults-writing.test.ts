/** Writing and sending on a bad line: nothing typed is missing, nothing goes twice, page and server agree. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { BrowserContext, Page } from "playwright-core";
import { killTab, Line, underEveryFault } from "./line";
import { Demo, eventually } from "./support";

let demo: Demo;
let cookies: Awaited<ReturnType<BrowserContext["storageState"]>>["cookies"];

before(async () => {
  demo = await Demo.start();
  const context = await demo.context();
  await demo.signIn(context, "alice");
  cookies = (await context.storageState()).cookies;
  await context.close();
});
after(() => demo.stop());

/** Alice, in a browser of her own. */
async function open(path = "/drafts"): Promise<Page> {
  const context = await demo.context();
  context.setDefaultTimeout(30_000);
  await context.addCookies(cookies);
  const page = await context.newPage();
  await page.goto(path);
  await page.getByRole("navigation", { name: "Main" }).waitFor();
  return page;
}

const composer = (page: Page) =>
  page.getByRole("dialog").filter({ has: page.getByRole("textbox", { name: "Message" }) });
const text = (page: Page) => composer(page).getByRole("textbox", { name: "Message" });
const state = (page: Page) => composer(page).locator(".saved");
const kellys = (subject: string) =>
  demo.mailbox("kelly").filter((raw) => raw.includes(`Subject: ${subject}`));

async function begin(page: Page, subject: string, words: string) {
  await page.getByRole("button", { name: "Write", exact: true }).click();
  await page.keyboard.type("kelly@out.example");
  await page.keyboard.press("Enter");
  await composer(page).getByLabel("Subject").fill(subject);
  await text(page).click();
  await page.keyboard.type(words);
}

type Draft = { id: string; draft: { subject: string; html: string } };
async function draftsOf(page: Page, subject: string): Promise<Draft[]> {
  const answer = await page.request.get("/api/v1/drafts");
  return ((await answer.json()) as Draft[]).filter(({ draft }) => draft.subject === subject);
}

/** Of every request that writes. What is only read is asked again by itself everywhere. */
const writes = (call: string) => !call.startsWith("GET") && !call.includes("/messages/acts");

test("a letter with a file is written, and sent once", { timeout: 150_000 }, async (t) => {
  await underEveryFault(t, {
    open,
    only: writes,
    abreast: 3,
    act: async (page, run) => {
      const subject = `Sent: ${run}`;
      await begin(page, subject, "Dear Kelly, all of this.");
      await composer(page)
        .locator("input[type=file]")
        .setInputFiles({
          name: "one.pdf",
          mimeType: "application/pdf",
          buffer: Buffer.from("PDF"),
        });
      await composer(page).locator(".file", { hasText: "one.pdf" }).waitFor();
      await composer(page).getByRole("progressbar").waitFor({ state: "detached" });
      await composer(page).getByRole("button", { name: "Send", exact: true }).click();
      await composer(page).waitFor({ state: "detached" });
      const { entries: outbox } = (await (await page.request.get("/api/v1/outbox")).json()) as {
        entries: { subject: string }[];
      };
      assert.equal(
        outbox.filter((entry) => entry.subject === subject).length,
        1,
        "once in the outbox",
      );
      assert.deepEqual(await draftsOf(page, subject), [], "and not in Drafts");
    },
  });
  // Whatever is still to come would be a second one.
  const subjects = () =>
    demo
      .mailbox("kelly")
      .map((raw) => /^Subject: (Sent: .*)$/m.exec(raw)?.[1])
      .filter((subject) => subject !== undefined);
  await eventually("all have gone", () =>
    new Set(subjects()).size === subjects().length && subjects().length > 0 ? true : undefined,
  );
  for (const raw of demo.mailbox("kelly").filter((held) => held.includes("Subject: Sent: "))) {
    assert.equal(raw.match(/filename="?one\.pdf/g)?.length, 1, "one file each");
  }
});

test("a letter is sent, taken back, written on and closed", { timeout: 150_000 }, async (t) => {
  await underEveryFault(t, {
    open,
    only: (call) =>
      call.startsWith("DELETE /api/v1/outbox") || call === "PUT /api/v1/drafts/:id #1",
    abreast: 2,
    act: async (page, run) => {
      const subject = `Back: ${run}`;
      await begin(page, subject, "First thought.");
      await composer(page).getByRole("button", { name: "Send", exact: true }).click();
      await page
        .getByRole("alert")
        .filter({ hasText: "Sending" })
        .getByRole("button", { name: "Undo" })
        .click();
      await text(page).getByText("First thought.").click();
      await page.keyboard.press("Control+End");
      await page.keyboard.type(" Second thought.");
      await composer(page).getByRole("button", { name: "Close" }).click();
      await page.getByRole("list", { name: "Drafts" }).getByText(subject).waitFor();
      const draft = await eventually("the draft is whole", async () =>
        (await draftsOf(page, subject))[0]?.draft.html.includes("First thought. Second thought.")
          ? true
          : undefined,
      );
      assert.ok(draft);
      assert.equal((await draftsOf(page, subject)).length, 1, "one draft");
      const { entries: outbox } = (await (await page.request.get("/api/v1/outbox")).json()) as {
        entries: { subject: string }[];
      };
      assert.ok(!outbox.some((entry) => entry.subject === subject), "nothing goes");
    },
  });
});

test("a draft is deleted, and had back whole", { timeout: 150_000 }, async (t) => {
  await underEveryFault(t, {
    open,
    only: (call) => call.startsWith("DELETE /api/v1/drafts") || call.includes("restore"),
    abreast: 2,
    act: async (page, run) => {
      const subject = `Bin: ${run}`;
      await begin(page, subject, "Dear all.");
      await composer(page).getByRole("button", { name: "Delete draft" }).click();
      // What was had back before may stand there again.
      await page.getByRole("dialog", { name: subject, exact: true }).waitFor({ state: "detached" });
      await eventually("it is gone", async () =>
        (await draftsOf(page, subject)).length === 0 ? true : undefined,
      );
      await page
        .getByRole("alert")
        .filter({ hasText: "Draft deleted" })
        .getByRole("button", { name: "Undo" })
        .click();
      await text(page).getByText("Dear all.").waitFor();
      // It stands there again before the server has heard of it.
      await eventually("the draft is back", async () =>
        (await draftsOf(page, subject)).length === 1 ? true : undefined,
      );
    },
  });
});

/** How often the tab dies in the slice that CI runs, and where all is asked for. */
const DEATHS = process.env.FULL ? 50 : 16;

test(
  `the tab dies at ${DEATHS} moments of typing: at most the last 0.3 s are missing`,
  { timeout: 400_000 },
  async (t) => {
    const seed = Number(process.env.SEED ?? Date.now() % 100_000);
    const random = generator(seed);
    const late: string[] = [];
    const lives = Array.from({ length: DEATHS }, (_, life) => ({
      life,
      typedFor: 60 + Math.floor(random() * 700),
    }));
    const worker = async (context: BrowserContext, mine: typeof lives) => {
      const subject = `Dies ${mine[0]?.life}`;
      let page = await newTab(context);
      await begin(page, subject, "begun");
      let known = "begun";
      for (const { life, typedFor } of mine) {
        const typed = await typeUntilKilled(page, life, typedFor);
        page = await newTab(context);
        // The editor, not the field that stands in for it until it has been loaded.
        const editor = composer(page).locator(".ProseMirror");
        await editor.waitFor();
        const found = (await editor.textContent()) ?? "";
        const atRisk = typed.filter(({ at }) => at > (typed.at(-1)?.at ?? 0) - 300).length;
        const whole = known + typed.map(({ key }) => key).join("");
        assert.ok(
          whole.startsWith(found) && found.startsWith(known),
          `seed ${seed}, life ${life}: ${found} of ${whole}`,
        );
        if (found.length < whole.length - atRisk) late.push(`life ${life}: ${found} of ${whole}`);
        known = found;
        await editor.click();
        await page.keyboard.press("Control+End");
      }
      await state(page).getByText("Saved", { exact: true }).waitFor();
      const [draft, ...others] = await draftsOf(page, subject);
      assert.ok(draft?.draft.html.includes(known) && others.length === 0, "page and server agree");
      await context.close();
    };
    const contexts = await Promise.all([0, 1].map(() => signedIn()));
    await Promise.all(
      contexts.map((context, at) =>
        worker(
          context,
          lives.filter(({ life }) => life % contexts.length === at),
        ),
      ),
    );
    // Where other programs have the processors, a tab may get none of them for that long.
    for (const one of late) t.diagnostic(`more than 0.3 s are missing, seed ${seed}, ${one}`);
    assert.ok(late.length <= DEATHS / 10, `${late.length} of ${DEATHS} lost more`);
  },
);

/** What was typed, and when each key was down. */
async function typeUntilKilled(
  page: Page,
  life: number,
  typedFor: number,
): Promise<{ key: string; at: number }[]> {
  const typed: { key: string; at: number }[] = [];
  const end = Date.now() + typedFor;
  for (const key of `.${life}:abcdefghijklmnopqrstuvwxyz`) {
    if (Date.now() > end) break;
    // Four times as fast as people: without a pause at all a busy browser does nothing but take keys.
    await page.keyboard.type(key, { delay: 20 });
    typed.push({ key, at: Date.now() });
  }
  await killTab(page);
  return typed;
}

/** Numbers between 0 and 1 that a seed gives again (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function signedIn(): Promise<BrowserContext> {
  const context = await demo.context();
  context.setDefaultTimeout(30_000);
  await context.addCookies(cookies);
  return context;
}

async function newTab(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  await page.goto("/drafts");
  await page.getByRole("navigation", { name: "Main" }).waitFor();
  return page;
}

test("offline for a while: it says so, is saved by itself, and a reload in between loses nothing", async () => {
  const page = await open();
  const line = await Line.of(page.context());
  await begin(page, "Offline", "Before.");
  await state(page).getByText("Saved", { exact: true }).waitFor();
  line.down();
  await page.keyboard.type(" While it was down.");
  await state(page).getByText("Not saved, kept here - trying again").waitFor();
  await composer(page).getByRole("button", { name: "Close" }).click();
  await page.keyboard.press("c");
  await composer(page).getByLabel("To", { exact: true }).waitFor();
  await page.keyboard.type("other@out.example,");
  await composer(page).getByLabel("Subject").fill("Another");
  line.up();
  await page.reload();
  await page.getByRole("group", { name: "Open messages" }).getByRole("button").first().waitFor();
  const whole = async (subject: string, words: string) =>
    (await draftsOf(page, subject)).some(({ draft }) => draft.html.includes(words))
      ? true
      : undefined;
  await eventually("what was typed is saved", () => whole("Offline", "Before. While it was down."));
  await eventually("the other too", () => whole("Another", ""));
  await page.context().close();
});

test("the answer to Send is lost, and the tab with it: it is asked for again under the same key", async () => {
  const page = await open();
  const context = page.context();
  const keys: string[] = [];
  page.on("request", (request) => {
    if (request.method() === "POST" && request.url().endsWith("/outbox"))
      keys.push(request.headers()["idempotency-key"] ?? "");
  });
  const line = await Line.of(context, { call: "POST /api/v1/outbox #1", fault: "cut after" });
  await begin(page, "Lost answer", "Once.");
  await state(page).getByText("Saved", { exact: true }).waitFor();
  await context.route(/api\/v1\/outbox$/, async (route) => {
    await route.fallback();
    if (route.request().method() === "POST") line.down();
  });
  await composer(page).getByRole("button", { name: "Send", exact: true }).click();
  await state(page).getByText("Sending - waiting for the line").waitFor();
  assert.ok(
    (await composer(page).getByLabel("Subject").getAttribute("readonly")) !== null,
    "what was sent cannot be changed",
  );
  await killTab(page);
  const again = await context.newPage();
  again.on("request", (request) => {
    if (request.method() === "POST" && request.url().endsWith("/outbox"))
      keys.push(request.headers()["idempotency-key"] ?? "");
  });
  await context.unrouteAll();
  await again.goto("/drafts");
  await again.getByRole("alert").filter({ hasText: "Sending" }).waitFor();
  await composer(again).waitFor({ state: "detached" });
  assert.equal(new Set(keys).size, 1, "one key");
  assert.ok(keys.length > 1);
  await eventually("it has gone", () => (kellys("Lost answer").length === 1 ? true : undefined));
  assert.deepEqual(await draftsOf(again, "Lost answer"), []);
  await context.close();
});

test("two tabs send one draft once, and the second says so", async () => {
  const first = await open();
  await begin(first, "Two tabs", "Only once.");
  await state(first).getByText("Saved", { exact: true }).waitFor();
  const second = await first.context().newPage();
  await second.goto("/drafts");
  await second.getByRole("list", { name: "Drafts" }).getByText("Two tabs").click();
  await text(second).getByText("Only once.").waitFor();
  await first.bringToFront();
  await composer(first).getByRole("button", { name: "Send", exact: true }).click();
  await composer(first).waitFor({ state: "detached" });
  await second.bringToFront();
  await composer(second).getByRole("button", { name: "Send", exact: true }).click();
  await composer(second).getByText("This draft has been sent already").waitFor();
  await eventually("it has gone", () => (kellys("Two tabs").length > 0 ? true : undefined));
  assert.equal(kellys("Two tabs").length, 1);
  await first.context().close();
});

test("what another tab has changed is not written over, and both texts stay", async () => {
  const first = await open();
  await begin(first, "Two minds", "Base.");
  await state(first).getByText("Saved", { exact: true }).waitFor();
  const second = await first.context().newPage();
  await second.goto("/drafts");
  await second.getByRole("list", { name: "Drafts" }).getByText("Two minds").click();
  await text(second).getByText("Base.").click();
  await second.keyboard.press("Control+End");
  await second.keyboard.type(" Second mind.");
  await state(second).getByText("Saved", { exact: true }).waitFor();
  await first.bringToFront();
  await text(first).click();
  await first.keyboard.press("Control+End");
  await first.keyboard.type(" First mind.");
  await composer(first).getByText("This draft was changed in another tab").waitFor();
  // A hand goes on for a while before an eye has read that.
  await first.keyboard.type(" Still first.");
  await composer(first).getByRole("button", { name: "Keep mine" }).click();
  await state(first).getByText("Saved", { exact: true }).waitFor();
  const held = (await draftsOf(first, "Two minds")).map(({ draft }) => draft.html).sort();
  assert.equal(held.length, 2);
  assert.ok(
    held.some((html) => html.includes("Base. First mind. Still first.")) &&
      held.some((html) => html.includes("Base. Second mind.")),
    held.join(),
  );
  await first.context().close();
});

test("another tab signs out: what was typed is saved, and the next person sees nothing of it", async () => {
  const context = await demo.context();
  const alice = await demo.signIn(context, "alice");
  const other = await context.newPage();
  await other.goto("/drafts");
  const line = await Line.of(context);
  await alice.bringToFront();
  await begin(alice, "Signed out", "A secret");
  await state(alice).getByText("Saved", { exact: true }).waitFor();
  await alice.keyboard.type(" of mine.");
  // Nobody is in another tab sooner; the server has not been told by then.
  await alice.waitForTimeout(300);
  await other.bringToFront();
  await other.getByRole("button", { name: "Sign out" }).click();
  await other.getByLabel("Login").waitFor();
  await alice.getByText("You are signed out. What you wrote is in Drafts.").waitFor();
  await alice.getByLabel("Login").waitFor();
  assert.equal(await alice.getByText("A secret").count(), 0);
  const left = () =>
    other.evaluate(
      () =>
        new Promise<number>((done) => {
          const request = indexedDB.open("waxseal");
          request.onsuccess = () => {
            const transaction = request.result.transaction(["keys", "copies"]);
            const counts = ["keys", "copies"].map((name) => transaction.objectStore(name).count());
            transaction.oncomplete = () =>
              done(counts.reduce((sum, { result }) => sum + result, 0));
          };
        }),
    );
  // Alice's tab erases what it wrote while the other one did.
  await eventually("nothing of it is left in the browser", async () =>
    (await left()) === 0 ? true : undefined,
  );
  await other.getByLabel("Login").fill("bob");
  await other.getByLabel("Password", { exact: true }).fill(demo.state.signInPassword);
  await other.getByRole("button", { name: "Sign in" }).click();
  await other.getByRole("navigation", { name: "Main" }).waitFor();
  assert.equal(await other.getByText("A secret").count(), 0);
  assert.ok(line.calls.length > 0);
  const again = await open();
  // Beside what the first tab has saved meanwhile, if it has.
  assert.ok(
    (await draftsOf(again, "Signed out")).some(({ draft }) =>
      draft.html.includes("A secret of mine."),
    ),
  );
  await again.context().close();
  await context.close();
});

/** Reading, pairing and granting under faults of the line: at the end the page and the server say the same, and it is what was wanted. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { underEveryFault } from "./line";
import { Demo } from "./support";

const TIMEOUT_MS = 600_000;
const SUBJECT = "Router keeps restarting";
const AUTHOR = "john.doe@out.example";

let demo: Demo;
let cookies: Awaited<ReturnType<Awaited<ReturnType<Demo["context"]>>["cookies"]>>;
let account: string;
let message: string;
let customer: string;

before(async () => {
  demo = await Demo.start();
  const page = await demo.signIn(await demo.context(), "alice");
  await page.getByText(SUBJECT, { exact: true }).waitFor();
  cookies = await page.context().cookies();
  const listed = (await get(page, "/api/v1/messages?limit=50")) as {
    messages: { id: string; subject: string; account_id: string }[];
  };
  const found = listed.messages.find((row) => row.subject === SUBJECT);
  assert.ok(found);
  message = found.id;
  account = found.account_id;
  const made = await page.request.post("/api/v1/parties", {
    data: {
      kind: "customer",
      name: "Doe Farm",
      number: "",
      phone: "",
      status: "Active",
      external_id: null,
      notes: "",
      addresses: [],
    },
    headers: { origin: demo.state.url },
  });
  customer = ((await made.json()) as { id: string }).id;
});
after(() => demo.stop());

async function open(): Promise<Page> {
  const context = await demo.context();
  await context.addCookies(cookies);
  return context.newPage();
}

/** The server itself, past the line. */
async function get(page: Page, path: string): Promise<unknown> {
  return (await page.request.get(path)).json();
}

/** The page shows it, and the server has it. */
async function agree<T>(page: Page, path: string, of: (answer: T) => boolean, what: string) {
  const end = Date.now() + 10_000;
  for (;;) {
    if (of((await get(page, path)) as T)) return;
    assert.ok(Date.now() < end, `the server does not have it: ${what}`);
    await page.waitForTimeout(100);
  }
}

/** What changes something, each time; what is only looked at, the first time. */
const isTold = (call: string) => !call.startsWith("GET") || call.endsWith("#1");
const pane = (page: Page) => page.getByRole("region", { name: "Message" });
const row = (page: Page) =>
  page.getByRole("list", { name: "Messages" }).locator(".row", { hasText: SUBJECT });
const undo = (page: Page, notice: string) =>
  page.getByRole("alert").filter({ hasText: notice }).getByRole("button", { name: "Undo" }).click();
const noFailure = async (page: Page) =>
  assert.deepEqual(
    await page
      .getByRole("alert")
      .filter({ hasText: /does not answer|could not|Not found/ })
      .allInnerTexts(),
    [],
  );
type Opened = { row: { unread: boolean; deleted: boolean; parties: { id: string }[] } };

test("a message is read, marked unread, deleted and taken back", { timeout: TIMEOUT_MS }, (one) =>
  underEveryFault(one, {
    open,
    abreast: 1,
    only: (call) => call.includes("messages") && isTold(call),
    act: async (page) => {
      const path = `/api/v1/messages/${message}`;
      await page.request.delete(`${path}/read`, { headers: { origin: demo.state.url } });
      await page.goto("/inbox");
      await row(page).locator(".text").click();
      await pane(page).getByText("the light goes red every ten minutes").waitFor();
      await page.locator(".row:not(.unread)", { hasText: SUBJECT }).waitFor();
      await agree<Opened>(page, path, ({ row: { unread } }) => !unread, "read");
      await page.keyboard.press("#");
      await page.getByText("Message deleted").waitFor();
      await row(page).waitFor({ state: "detached" });
      await agree<Opened>(page, path, ({ row: { deleted } }) => deleted, "deleted");
      await undo(page, "Message deleted");
      await row(page).waitFor();
      await agree<Opened>(page, path, ({ row: { deleted } }) => !deleted, "restored");
      await noFailure(page);
    },
  }),
);

test("an author is paired, and unpaired", { timeout: TIMEOUT_MS }, (one) =>
  underEveryFault(one, {
    open,
    abreast: 1,
    only: (call) => /pair|parties|messages\/:id #/.test(call) && isTold(call),
    act: async (page) => {
      const path = `/api/v1/messages/${message}`;
      await page.request.delete(`/api/v1/parties/${customer}/pairings?address=${AUTHOR}`, {
        headers: { origin: demo.state.url },
      });
      await page.goto(`/inbox?open=${message}`);
      await pane(page).getByText("Author not found").waitFor();
      await pane(page).getByRole("button", { name: "Pair", exact: true }).click();
      const dialog = page.getByRole("dialog", { name: "Pair to a customer or lead" });
      await dialog
        .getByRole("listitem")
        .filter({ hasText: "Doe Farm" })
        .getByRole("button", { name: "Pair" })
        .click();
      await pane(page).getByRole("link", { name: "Doe Farm" }).waitFor();
      await dialog.waitFor({ state: "detached" });
      await agree<Opened>(
        page,
        path,
        ({ row: { parties } }) => parties.length === 1 && parties[0]?.id === customer,
        "paired",
      );
      await undo(page, "belongs to Doe Farm");
      await pane(page).getByText("Author not found").waitFor();
      await agree<Opened>(page, path, ({ row: { parties } }) => parties.length === 0, "unpaired");
      await noFailure(page);
    },
  }),
);

test("a record is made once", { timeout: TIMEOUT_MS }, (one) => {
  let number = 0;
  return underEveryFault(one, {
    open,
    abreast: 1,
    only: (call) => call.startsWith("POST /api/v1/parties"),
    act: async (page) => {
      number += 1;
      const name = `Made ${number} times`;
      await page.goto("/customers");
      await page.getByRole("button", { name: "Add customer" }).click();
      const dialog = page.getByRole("dialog", { name: "Add customer" });
      await dialog.getByLabel("Name").fill(name);
      await dialog.getByRole("button", { name: "Save" }).click();
      await page.getByRole("heading", { name }).waitFor();
      const path = `/api/v1/parties?kind=customer&text=${encodeURIComponent(name)}`;
      type Found = { parties: unknown[] };
      await agree<Found>(page, path, ({ parties }) => parties.length === 1, "one");
      await noFailure(page);
    },
  });
});

test("access is given, and taken away", { timeout: TIMEOUT_MS }, (one) =>
  underEveryFault(one, {
    open,
    abreast: 1,
    only: (call) => /grants|seal|administrators/.test(call) && isTold(call),
    act: async (page) => {
      const path = `/api/v1/accounts/${account}/grants`;
      await page.request.put(path, { data: [], headers: { origin: demo.state.url } });
      await page.goto("/profile/email-account");
      const access = page.getByRole("region", { name: "Access settings" });
      await access.getByRole("combobox", { name: "Add an administrator" }).click();
      await page.getByRole("option", { name: "Bob Brown" }).click();
      await access.getByRole("button", { name: "Save" }).click();
      await access.getByText("Saved", { exact: true }).waitFor();
      await page
        .getByRole("button", { name: "Who can see this: You and Bob Brown (may see)" })
        .first()
        .waitFor();
      await agree<unknown[]>(page, path, (grants) => grants.length === 1, "given");
      await access.getByRole("button", { name: "Take away" }).click();
      await access.getByText("Saved", { exact: true }).waitFor({ state: "detached" });
      await access.getByRole("button", { name: "Save" }).click();
      await access.getByText("Saved", { exact: true }).waitFor();
      await page.getByRole("button", { name: "Who can see this: Only you" }).first().waitFor();
      await agree<unknown[]>(page, path, (grants) => grants.length === 0, "taken away");
    },
  }),
);

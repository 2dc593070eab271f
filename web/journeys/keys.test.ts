/** Single keys act where the focus is, and nowhere behind what is open. Typed as fast as the browser takes it. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { Page } from "playwright-core";
import { Demo, screenshot } from "./support";

let demo: Demo;
let alice: Page;
/** Requests that change something, since the test began. */
let changes: string[] = [];

before(async () => {
  demo = await Demo.start();
  alice = await demo.signIn(await demo.context(), "alice");
  alice.on("request", (request) => {
    if (request.method() !== "GET")
      changes.push(
        `${request.method()} ${new URL(request.url()).pathname} ${request.postData() ?? ""}`,
      );
  });
});
after(() => demo.stop());

const rows = () => alice.getByRole("list", { name: "Messages" });
const message = () => alice.getByRole("region", { name: "Message" });

/** Every key that changes something or opens something. */
const ACTS = ["#", "e", "b", "p", "r", "a", "f", "c", "?", "j", "k", "g", "i"];

beforeEach(async () => {
  await alice.goto("/inbox");
  await rows().getByText("Router keeps restarting", { exact: true }).click();
  await message().getByRole("heading", { name: "Router keeps restarting" }).waitFor();
  await message().getByRole("button", { name: "Block email" }).waitFor();
  await alice.waitForLoadState("networkidle");
  changes = [];
});

async function pressAll(keys = ACTS) {
  for (const key of keys) await alice.keyboard.press(key);
}

/** Nothing was changed, and the message behind is still the one that was there. */
async function nothingHappened() {
  await alice.waitForLoadState("networkidle");
  assert.deepEqual(changes, []);
  assert.equal(await alice.getByRole("alert").filter({ hasText: "Message deleted" }).count(), 0);
  assert.match(alice.url(), /\/inbox\?/);
  await message()
    .getByRole("heading", { name: "Router keeps restarting", includeHidden: true })
    .waitFor();
}

test("a dialog takes the keys from its first moment", async () => {
  for (const [key, name] of [
    ["?", "Keyboard"],
    ["b", "Block email"],
    ["p", "Pair to a customer or lead"],
  ] as const) {
    await alice.keyboard.press(key);
    await pressAll();
    await alice.getByRole("dialog", { name }).waitFor();
    assert.equal(await alice.getByRole("dialog").count(), 1, name);
    await nothingHappened();
    await alice.keyboard.press("Escape");
    await alice.getByRole("dialog").waitFor({ state: "detached" });
    // Escape closed the dialog, and not the message behind it too.
    await message().getByRole("heading", { name: "Router keeps restarting" }).waitFor();
  }
});

test("a menu takes the keys", async () => {
  await message().getByRole("button", { name: "More" }).click();
  await pressAll();
  await nothingHappened();
  await alice.getByRole("menuitem", { name: "Mark unread" }).waitFor();
  await alice.keyboard.press("Escape");
  await alice.getByRole("menu").waitFor({ state: "detached" });
  await message().getByRole("heading", { name: "Router keeps restarting" }).waitFor();
});

test("the list of who can see it takes the keys, and so does the filter", async () => {
  for (const name of [/Who can see this/, /^Filter/]) {
    await alice.getByRole("button", { name }).first().click();
    await pressAll(["#", "e", "b", "p"]);
    await nothingHappened();
    await alice.keyboard.press("Escape");
    await alice.getByRole("dialog").waitFor({ state: "detached" });
  }
});

test("the palette takes the keys from its first moment", async () => {
  await alice.keyboard.press("Control+k");
  await pressAll();
  await nothingHappened();
  await alice.keyboard.press("Escape");
  await alice.getByRole("dialog").waitFor({ state: "detached" });
  await message().getByRole("heading", { name: "Router keeps restarting" }).waitFor();
});

test("the name of a colleague is typed after c, on a slow line", async () => {
  await alice.route("**/api/v1/{senders,drafts}**", async (route) => {
    await new Promise((wait) => setTimeout(wait, 1_500));
    await route.continue();
  });
  await alice.keyboard.press("c");
  await alice.keyboard.type("bob#");
  await alice
    .getByRole("dialog")
    .filter({ has: alice.getByRole("textbox", { name: "Message" }) })
    .waitFor();
  await alice.waitForLoadState("networkidle");
  await alice.unroute("**/api/v1/{senders,drafts}**");
  assert.equal(await alice.getByRole("dialog", { name: "Block email" }).count(), 0);
  assert.deepEqual(
    changes.filter((change) => change.includes('"delete"')),
    [],
  );
  await alice.getByRole("dialog").getByRole("button", { name: "Close" }).click();
  await alice.getByRole("dialog").waitFor({ state: "detached" });
  await message().getByRole("heading", { name: "Router keeps restarting" }).waitFor();
});

test("a key that is held acts once, and Enter belongs to what has the focus", async () => {
  await alice.keyboard.down("#");
  await alice.keyboard.down("#");
  await alice.keyboard.down("#");
  await alice.keyboard.up("#");
  await alice.getByText("Message deleted").waitFor();
  await alice.waitForLoadState("networkidle");
  assert.equal(changes.filter((change) => change.includes('"delete"')).length, 1);
  await alice
    .getByRole("alert")
    .filter({ hasText: "Message deleted" })
    .getByRole("button", { name: "Undo" })
    .click();
  await rows().getByText("Router keeps restarting", { exact: true }).waitFor();
  await alice.goto("/inbox");
  await alice
    .getByRole("navigation", { name: "Main" })
    .getByRole("link", { name: "Customers" })
    .focus();
  await rows().waitFor();
  await alice.keyboard.press("Enter");
  await alice.getByRole("heading", { name: "Customers", exact: true }).waitFor();
});

test("the list is one stop of Tab: arrows open, x selects, # deletes, z takes it back", async () => {
  await alice.goto("/inbox");
  await rows().getByText("Router keeps restarting", { exact: true }).waitFor();
  await alice.getByRole("button", { name: "Refresh" }).focus();
  // The search, then the row.
  await alice.keyboard.press("Tab");
  await alice.keyboard.press("Tab");
  const focused = () =>
    alice.evaluate(() => document.activeElement?.getAttribute("data-message") ?? "");
  const first = await focused();
  assert.notEqual(first, "");
  await alice.keyboard.press("Enter");
  await alice.waitForURL((url) => url.searchParams.get("open") === first);
  await alice.keyboard.press("ArrowDown");
  await alice.waitForURL((url) => !["", first].includes(url.searchParams.get("open") ?? ""));
  const second = new URL(alice.url()).searchParams.get("open");
  await alice.locator(`[data-message="${second}"]:focus`).waitFor();
  await alice.keyboard.press("ArrowUp");
  await alice.locator(`[data-message="${first}"]:focus`).waitFor();
  await alice.keyboard.press("x");
  await alice.getByText("1 selected").waitFor();
  await alice.keyboard.press("#");
  await alice.getByText("Message deleted").waitFor();
  await alice.locator(`[data-message="${first}"]`).waitFor({ state: "detached" });
  await alice.keyboard.press("z");
  await alice.locator(`[data-message="${first}"]`).waitFor();
  await alice.getByText("Message deleted").waitFor({ state: "detached" });
});

test("? lists what acts on the page that is open, and / searches everywhere", async () => {
  const help = alice.getByRole("dialog", { name: "Keyboard" });
  await alice.keyboard.press("?");
  for (const does of ["Reply all", "Block", "Select", "Undo", "Outbox"])
    await help.getByText(does, { exact: true }).waitFor();
  await alice.keyboard.press("Escape");
  await help.waitFor({ state: "detached" });
  await alice.goto("/customers");
  await alice.getByRole("heading", { name: "Customers", exact: true }).waitFor();
  await alice.keyboard.press("?");
  await help.getByText("Search", { exact: true }).waitFor();
  assert.equal(await help.getByText("Reply all", { exact: true }).count(), 0);
  await screenshot(alice, "keys-customers-light");
  await alice.keyboard.press("Escape");
  await help.waitFor({ state: "detached" });
  await alice.keyboard.press("/");
  await alice.getByRole("searchbox").and(alice.locator(":focus")).waitFor();
  await alice.goto("/outbox");
  await alice.getByRole("heading", { name: "Outbox" }).waitFor();
  await alice.keyboard.press("/");
  await alice.getByPlaceholder("Open by name").and(alice.locator(":focus")).waitFor();
});

test("a name and Enter open the first hit, though the server is slow; places and acts are there too", async () => {
  await alice.route("**/api/v1/{messages,parties}?**", async (route) => {
    await new Promise((wait) => setTimeout(wait, 800));
    await route.continue();
  });
  await alice.keyboard.press("Control+k");
  await alice.keyboard.type("router keeps");
  await alice.keyboard.press("Enter");
  await alice.getByPlaceholder("Open by name").waitFor({ state: "detached" });
  await message().getByRole("heading", { name: "Router keeps restarting" }).waitFor();
  await alice.unrouteAll({ behavior: "wait" });
  await alice.keyboard.press("Control+k");
  await alice.keyboard.type("block");
  await alice.keyboard.press("Enter");
  await alice.getByRole("dialog", { name: "Block email" }).waitFor();
  await alice.keyboard.press("Escape");
  await alice.getByRole("dialog").waitFor({ state: "detached" });
  await alice.keyboard.press("Control+k");
  await alice.keyboard.type("system e");
  await screenshot(alice, "palette-place-light");
  await alice.keyboard.press("Enter");
  await alice.waitForURL("**/config/email");
});

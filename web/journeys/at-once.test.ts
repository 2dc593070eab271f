/** What is done is shown before the server has answered, in one request, and taken back where it refuses. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page, Route } from "playwright-core";
import { Demo, eventually, screenshot, undo, violations } from "./support";

let demo: Demo;
let alice: Page;

before(async () => {
  demo = await Demo.start();
  alice = await demo.signIn(await demo.context(), "alice");
});
after(() => demo.stop());

const list = () => alice.getByRole("list", { name: "Messages" });
const row = (subject: string) => list().locator(".row", { hasText: subject });
const refused = (route: Route) =>
  route.fulfill({ status: 503, json: { title: "The server is stopping." } });

/** Requests wait until they are let go. */
async function hold(page: Page, path: string) {
  const held: Route[] = [];
  await page.route(path, (route) => void held.push(route));
  return {
    next: () => eventually("the request", () => held.shift()),
    release: () => page.unroute(path),
  };
}

test("a message that is deleted is gone at once, and back if the server refuses", async () => {
  const acts = await hold(alice, "**/api/v1/messages/acts");
  for (const refuses of [true, false]) {
    await row("Re: payment account").hover();
    await row("Re: payment account").getByRole("button", { name: "Delete" }).click();
    await row("Re: payment account").waitFor({ state: "detached" });
    const asked = await acts.next();
    if (refuses) {
      await refused(asked);
      await alice.getByText("The server is stopping.").waitFor();
      await row("Re: payment account").waitFor();
    } else {
      await asked.continue();
    }
  }
  await acts.release();
  await undo(alice, "Message deleted");
  await row("Re: payment account").waitFor();
});

test("a message that is opened is read at once", async () => {
  const acts = await hold(alice, "**/api/v1/messages/acts");
  await row("Router keeps restarting").getByLabel("Unread", { exact: true }).waitFor();
  await row("Router keeps restarting").getByText("Router keeps").click();
  await row("Router keeps restarting")
    .getByLabel("Unread", { exact: true })
    .waitFor({ state: "detached" });
  await (await acts.next()).continue();
  await acts.release();
});

test("who is paired stands there at once, and not if the server refuses", async () => {
  await alice.goto("/customers");
  await alice.getByRole("button", { name: "Add customer" }).click();
  const form = alice.getByRole("dialog", { name: "Add customer" });
  await form.getByLabel("Name").fill("John Doe");
  await form.getByRole("button", { name: "Save" }).click();
  await alice.getByRole("heading", { name: /John Doe/ }).waitFor();
  await alice.goto("/inbox");
  const pairs = await hold(alice, "**/api/v1/messages/*/pair");
  await row("Router keeps restarting").hover();
  await row("Router keeps restarting").getByRole("button", { name: "Actions" }).click();
  await screenshot(alice, "row-menu-light");
  await alice.getByRole("menuitem", { name: "Pair", exact: true }).click();
  // Whose address it is, is asked first.
  await (await pairs.next()).continue();
  const dialog = alice.getByRole("dialog", { name: "Pair to a customer or lead" });
  await dialog.getByRole("button", { name: "Pair" }).first().click();
  await dialog.waitFor({ state: "detached" });
  await row("Router keeps restarting").getByText("Author not found").waitFor({ state: "detached" });
  await refused(await pairs.next());
  await row("Router keeps restarting").getByText("Author not found").waitFor();
  await pairs.release();
});

test("a row's menu answers and forwards", async () => {
  await alice.goto("/inbox");
  await row("Router keeps restarting").hover();
  await row("Router keeps restarting").getByRole("button", { name: "Actions" }).click();
  await alice.getByRole("menuitem", { name: "Forward" }).click();
  const composer = alice.getByRole("dialog").filter({ has: alice.getByLabel("Subject") });
  assert.match(await composer.getByLabel("Subject").inputValue(), /^Fwd: Router keeps restarting/);
  await composer.getByRole("button", { name: "Close" }).click();
});

test("many are one request, and one undo", async () => {
  await alice.goto("/inbox");
  const asked: string[] = [];
  alice.on("request", (request) => {
    if (request.method() !== "GET") asked.push(request.postData() ?? request.url());
  });
  const subjects = ["Re: payment account", "Router keeps restarting", "Testing IMAP"];
  for (const subject of subjects) {
    await row(subject).hover();
    await row(subject).getByRole("checkbox").check();
  }
  await alice.getByRole("toolbar").getByRole("button", { name: "Delete" }).click();
  for (const subject of subjects) await row(subject).waitFor({ state: "detached" });
  await undo(alice, "3 messages deleted");
  for (const subject of subjects) await row(subject).waitFor();
  const acts = asked.map((body) => JSON.parse(body) as { act: string; ids: string[] });
  assert.deepEqual(
    acts.map(({ act, ids }) => [act, ids.length]),
    [
      ["delete", 3],
      ["restore", 3],
    ],
  );
});

test("what the list leaves out is said above it, and taken away there", async () => {
  await alice.goto("/inbox");
  await alice.getByRole("button", { name: "Filter" }).click();
  await alice.getByRole("dialog").getByText("Sent", { exact: true }).click();
  await alice.getByRole("dialog").getByText("With attachments").click();
  await screenshot(alice, "filter-light");
  await alice.keyboard.press("Escape");
  const parts = alice.getByRole("group", { name: "Filter" });
  await parts.getByText("Sent").waitFor();
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "filter-line-light");
  await parts.getByRole("button", { name: "Take away: With attachments" }).click();
  await parts.getByText("With attachments").waitFor({ state: "detached" });
  await parts.getByRole("button", { name: "Clear filters" }).click();
  await parts.waitFor({ state: "detached" });
  await row("Re: payment account").waitFor();
});

test("a finger that stays on a row selects it, and taps go on", async () => {
  const context = await demo.context({ narrow: true, touch: true });
  const phone = await demo.signIn(context, "alice");
  const rowOf = (subject: string) => phone.locator(".row", { hasText: subject });
  const box = await rowOf("Re: payment account").boundingBox();
  assert.ok(box);
  const touch = await context.newCDPSession(phone);
  const at = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  await touch.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [at] });
  await phone.getByRole("toolbar").getByText("1 selected").waitFor();
  await touch.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await rowOf("Testing IMAP").tap();
  await phone.getByRole("toolbar").getByText("2 selected").waitFor();
  assert.deepEqual(await violations(phone), []);
  await screenshot(phone, "selecting-narrow");
  await phone.getByRole("toolbar").getByRole("button", { name: "Cancel" }).click();
  await rowOf("Testing IMAP").getByRole("button", { name: "Actions" }).tap();
  await phone.getByRole("menuitem", { name: "Reply" }).waitFor();
  await screenshot(phone, "row-menu-narrow");
  await context.close();
});

/** What arrives while something is read: told beside it, and nothing that is under the eyes or the pointer is moved. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { Demo, screenshot, violations } from "./support";

let demo: Demo;
let alice: Page;

before(async () => {
  demo = await Demo.start();
  alice = await demo.signIn(await demo.context(), "alice");
});
after(() => demo.stop());

const rows = () => alice.getByRole("list", { name: "Messages" });
const thread = () => alice.getByRole("region", { name: "Thread" });
const letters = () => thread().getByRole("region", { name: "Message" });
const long = (word: string) =>
  Array.from({ length: 60 }, (_, line) => `${word} in line ${line}`).join("\n");

function write(number: number, text: string, subject = "Fence", from = "kelly@out.example") {
  const answers =
    number > 1
      ? `In-Reply-To: <${subject}${number - 1}@out.example>\nReferences: <${subject}1@out.example>\n`
      : "";
  demo.receive(
    from,
    `From: Kelly <${from}>\nTo: ${demo.state.alice}\nSubject: ${number > 1 ? "Re: " : ""}${subject}\nMessage-ID: <${subject}${number}@out.example>\n${answers}\n${text}\n`,
  );
}

test("what arrives while the first list is on its way is shown", async () => {
  const other = await alice.context().newPage();
  await other.goto("/inbox");
  let letGo = () => {};
  const arrived = new Promise<void>((done) => (letGo = done));
  let wasAsked = () => {};
  const asked = new Promise<void>((done) => (wasAsked = done));
  await alice.route(
    /\/api\/v1\/messages\?/,
    async (route) => {
      const old = await route.fetch();
      wasAsked();
      await arrived;
      await route.fulfill({ response: old });
    },
    { times: 1 },
  );
  await alice.goto("/inbox", { waitUntil: "commit" });
  await asked;
  write(1, "One.", "Overtaken");
  await other.getByRole("list", { name: "Messages" }).getByText("Overtaken").waitFor();
  letGo();
  await rows().getByText("Overtaken", { exact: true }).waitFor();
  await other.close();
});

test("several letters of a thread are open at once", async () => {
  write(1, long("First"));
  write(2, long("Second"));
  await rows().getByText("Re: Fence", { exact: true }).waitFor();
  await rows().getByText("Fence", { exact: true }).last().waitFor();
  await alice.goto("/customers");
  await alice.getByRole("button", { name: "Add customer" }).first().click();
  const form = alice.getByRole("dialog", { name: "Add customer" });
  await form.getByLabel("Name").fill("Kelly Sanders");
  await form.getByLabel("Email addresses").fill("kelly@out.example");
  await alice.keyboard.press("Enter");
  await form.getByRole("button", { name: "Save" }).click();
  await alice
    .getByRole("list", { name: "Communication" })
    .getByRole("button", { name: /Fence/ })
    .click();
  // Of two that came within a second either may be the last, which is open.
  await letters()
    .getByText(/(First|Second) in line 3/)
    .waitFor();
  await thread()
    .getByRole("button", { name: /(First|Second) in line/ })
    .click();
  await letters().getByText("First in line 3").waitFor();
  await letters().getByText("Second in line 3").waitFor();
  assert.equal(await letters().count(), 2);
  assert.deepEqual(await violations(alice), []);
});

test("an answer is announced, moves nothing, and stays unread until it is shown", async () => {
  const pane = thread();
  await pane.evaluate((element) => element.scrollTo({ top: 500 }));
  const top = await pane.evaluate((element) => element.scrollTop);
  const read: string[] = [];
  alice.on(
    "request",
    (request) => request.postData()?.includes('"mark_read"') && read.push(request.url()),
  );
  write(3, long("Third"));
  const announced = pane.getByRole("status").filter({ hasText: "1 new message" });
  await announced.waitFor();
  await pane.getByRole("button", { name: /Third in line/ }).waitFor();
  assert.equal(await pane.evaluate((element) => element.scrollTop), top);
  assert.equal(await letters().count(), 2);
  await letters().getByText("First in line 3", { exact: false }).waitFor();
  assert.deepEqual(read, []);
  await alice
    .getByRole("list", { name: "Communication" })
    .locator(".thread-line.unread", { hasText: "Fence" })
    .waitFor();
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "live-announced-light");
  await announced.getByRole("button", { name: "Show" }).click();
  await letters().getByText("Third in line 3", { exact: false }).waitFor();
  await announced.waitFor({ state: "detached" });
  assert.equal(await letters().count(), 3);
  assert.equal(read.length, 1);
  // It is where the eyes are, and the others are open as before.
  const box = await letters().getByText("Third in line 3", { exact: false }).boundingBox();
  assert.ok(box && box.y > 0 && box.y < 860, `${box?.y}`);
  await thread().getByRole("button", { name: "Fold" }).first().click();
  assert.equal(await letters().count(), 2);
  await demo.inOtherLooks(alice, async (page, name) => {
    await page.goto(alice.url());
    await page.getByRole("region", { name: "Thread" }).getByText("Third in line 3").waitFor();
    write(name === "dark" ? 4 : 5, `Short words for ${name}.`);
    await page.getByRole("status").filter({ hasText: "1 new message" }).waitFor();
    assert.deepEqual(await violations(page), [], name);
    await screenshot(page, `live-announced-${name}`);
  });
});

test("beside a message that is read alone it is announced too", async () => {
  await alice.goto("/inbox");
  write(1, "The first words.", "Gate", "gus@out.example");
  await rows().getByText("Gate", { exact: true }).first().click();
  const pane = alice.getByRole("region", { name: "Message" });
  await pane.getByText("The first words.").waitFor();
  write(2, "The second words.", "Gate", "gus@out.example");
  await pane.getByRole("status").filter({ hasText: "1 new message" }).waitFor();
  await pane.getByText("The first words.").waitFor();
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "live-beside-light");
  await pane.getByRole("button", { name: "Show" }).click();
  await pane.getByText("The second words.").waitFor();
  await pane.getByRole("status").filter({ hasText: "new message" }).waitFor({ state: "detached" });
});

test("a row stays under the pointer while mail arrives, in a short list too", async () => {
  await alice.goto("/inbox");
  const row = rows().locator(".row", { hasText: "Router keeps restarting" });
  await row.hover();
  const aimed = (await row.boundingBox())?.y;
  write(1, "One.", "Hurry");
  await alice.getByRole("button", { name: "1 new message" }).waitFor();
  assert.equal((await row.boundingBox())?.y, aimed);
  write(2, "Two.", "Hurry");
  await alice.getByRole("button", { name: "2 new messages" }).waitFor();
  assert.equal((await row.boundingBox())?.y, aimed);
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "live-list-light");
  await alice.mouse.down();
  await alice.mouse.up();
  await alice
    .getByRole("region", { name: "Message" })
    .getByRole("heading", { name: "Router keeps restarting" })
    .waitFor();
  await alice.getByRole("button", { name: "2 new messages" }).click();
  await alice.getByRole("button", { name: "2 new messages" }).waitFor({ state: "detached" });
  await rows().getByText("Re: Hurry", { exact: true }).waitFor();
});

test("a frame is not loaded anew while it is read, and a broken line takes nothing away", async () => {
  await alice.goto("/inbox");
  await rows().getByText("Re: payment account", { exact: true }).click();
  const frame = alice.frameLocator("iframe.mail-frame");
  await frame.getByText("Please clarify how I can do this").waitFor();
  const address = await alice.locator("iframe.mail-frame").getAttribute("src");
  const bob = await demo.signIn(await demo.context(), "bob");
  const changeRecord = async (name: string) => {
    await bob.goto("/customers");
    await bob.getByRole("button", { name: "Add customer" }).first().click();
    await bob.getByRole("dialog", { name: "Add customer" }).getByLabel("Name").fill(name);
    const asked = alice.waitForRequest(/\/api\/v1\/messages\/[0-9a-f-]{36}$/);
    await bob
      .getByRole("dialog", { name: "Add customer" })
      .getByRole("button", { name: "Save" })
      .click();
    await (await asked).response().catch(() => undefined);
  };
  await changeRecord("Whole");
  assert.equal(await alice.locator("iframe.mail-frame").getAttribute("src"), address);
  await alice.route(/\/api\/v1\/messages\/[0-9a-f-]{36}$/, (route) => route.abort());
  let failures = 0;
  // It is asked for four times before it is given up.
  const givenUp = new Promise<void>((done) =>
    alice.on(
      "requestfailed",
      (request) => /\/messages\/[0-9a-f-]{36}$/.test(request.url()) && ++failures === 4 && done(),
    ),
  );
  await changeRecord("Broken");
  await givenUp;
  await alice.evaluate(
    () => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))),
  );
  await frame.getByText("Please clarify how I can do this").waitFor();
  assert.equal(await alice.getByText("This could not be loaded.").count(), 0);
  await bob.context().close();
});

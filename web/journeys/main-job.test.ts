/** An administrator's own mail, from a fresh account to a message that arrives while the page is open. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { Demo, screenshot, undo, violations } from "./support";

let demo: Demo;
let alice: Page;

before(async () => {
  demo = await Demo.start("--without-account");
});
after(() => demo.stop());

test("signs in and is led to the email account", async () => {
  alice = await demo.signIn(await demo.context(), "alice");
  await alice.getByRole("link", { name: "Set up your email account" }).click();
  await alice.getByLabel("Email address").fill(demo.state.alice);
  await alice.getByRole("button", { name: "Continue" }).click();
  await alice.getByRole("heading", { name: "Email account" }).waitFor();
  await alice.getByRole("button", { name: "Only you", exact: false }).first().waitFor();
});

test("a wrong field says so beside the field", async () => {
  const imap = alice.getByRole("region", { name: "IMAP settings" });
  await imap.getByRole("button", { name: "Save" }).click();
  await imap.getByText("The name of a server is expected").waitFor();
});

test("Load picks Sent and Test connection shows its steps", async () => {
  await alice.getByLabel("Username").fill("alice");
  await alice.getByLabel("Password", { exact: true }).fill(demo.state.mailPassword);
  const imap = alice.getByRole("region", { name: "IMAP settings" });
  await imap.getByLabel("IMAP server").fill("localhost");
  // What was wrong of it is not said of what stands there now.
  await imap.getByText("The name of a server is expected").waitFor({ state: "detached" });
  await imap.getByLabel("IMAP port").fill(String(demo.state.imapsPort));
  await imap.getByRole("button", { name: "Load" }).click();
  await imap.getByText("sent mail is in Sent").waitFor();
  assert.equal(
    await imap.getByRole("combobox", { name: "Folder name of sent emails" }).inputValue(),
    "Sent",
  );
  await imap.getByRole("button", { name: "Test connection" }).click();
  await imap.getByText("Signed in").waitFor();
  await screenshot(alice, "account-result-light");
  await imap.getByRole("button", { name: "Save" }).click();
  await imap.getByText("Saved").waitFor();
});

test("a wrong password says what to do", async () => {
  await alice.getByLabel("Password", { exact: true }).fill("wrong");
  const imap = alice.getByRole("region", { name: "IMAP settings" });
  await imap.getByRole("button", { name: "Test connection" }).click();
  await imap.getByText("The server refused the user name or password.").waitFor();
  await screenshot(alice, "account-refused-light");
  await alice.getByLabel("Password", { exact: true }).fill("");
});

test("turns tracking on, and the mail is there", async () => {
  const tracking = alice.getByRole("region", { name: "Email tracking" });
  await tracking.getByLabel("Enable inbox processing").check({ force: true });
  await tracking.getByLabel("Process old (historic) messages").check({ force: true });
  await tracking.getByLabel("Since").fill("2020-01-01");
  await tracking.getByRole("button", { name: "Save" }).click();
  await tracking.getByText("Saved").waitFor();
  await alice.getByText("Connected", { exact: true }).waitFor();
  assert.deepEqual(await violations(alice), []);
  await alice.getByRole("link", { name: "Inbox" }).click();
  await alice.getByText("Testing IMAP", { exact: true }).waitFor();
  await alice.getByText("Author not found").first().waitFor();
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "inbox-light");
});

test("a message that arrives now appears within two seconds, without a reload", async () => {
  demo.deliver(
    "Kelly Sanders <kelly@out.example>",
    "It works again",
    "Thank you, the line is stable now.",
  );
  await alice.getByText("It works again", { exact: true }).waitFor({ timeout: 2_000 });
  assert.match(await alice.title(), /^\(\d+\) Waxseal$/);
});

test("opens it, and HTML mail is shown in a frame that loads nothing from outside", async () => {
  await alice.getByText("It works again", { exact: true }).click();
  await alice
    .getByRole("region", { name: "Message" })
    .getByText("the line is stable now")
    .waitFor();
  const foreign: string[] = [];
  alice.on("request", (request) => {
    if (!request.url().startsWith(demo.state.url)) foreign.push(request.url());
  });
  await alice.getByText("Re: payment account", { exact: true }).click();
  const frame = alice.frameLocator("iframe.mail-frame");
  await frame.getByText("Please clarify how I can do this").waitFor();
  const logo = frame.locator("img").first();
  assert.ok(
    await logo.evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth > 0),
    "the inline image is shown",
  );
  await alice.getByText("2 remote images blocked").waitFor();
  await screenshot(alice, "message-light");
  await alice.getByText("Your weekly newsletter", { exact: true }).click();
  await alice.frameLocator("iframe.mail-frame").getByText("Ten things").waitFor();
  assert.deepEqual(foreign, []);
  assert.deepEqual(await violations(alice), []);
});

test("search finds words in their own scripts", async () => {
  for (const [words, subject] of [
    ["gebuhr", "Rechnung Oktober"],
    ["支払い", "請求書について"],
    ["переїжджаємо", "Переїзд на нову адресу"],
  ] as const) {
    await alice.getByPlaceholder("Search author, subject, text").fill(words);
    const rows = alice.getByRole("list", { name: "Messages" });
    await rows.getByText("Testing IMAP", { exact: true }).waitFor({ state: "detached" });
    await rows.getByText(subject, { exact: true }).waitFor();
    assert.equal(await rows.getByRole("listitem").count(), 1, words);
  }
  await alice.getByPlaceholder("Search author, subject, text").fill("");
  await alice.getByText("Testing IMAP", { exact: true }).waitFor();
});

test("deletes with the keyboard, and takes it back", async () => {
  await alice.getByText("Router keeps restarting", { exact: true }).click();
  await alice
    .getByRole("region", { name: "Message" })
    .getByRole("heading", { name: "Router keeps restarting" })
    .waitFor();
  await alice.keyboard.press("#");
  await alice.getByText("Message deleted").waitFor();
  await alice
    .getByRole("list", { name: "Messages" })
    .getByText("Router keeps restarting", { exact: true })
    .waitFor({ state: "detached" });
  await undo(alice, "Message deleted");
  await alice
    .getByRole("list", { name: "Messages" })
    .getByText("Router keeps restarting", { exact: true })
    .waitFor();
});

test("everything is reached by keys, and rows can be compact", async () => {
  await alice.keyboard.press("g");
  await alice.keyboard.press("p");
  await alice.getByRole("heading", { name: "My profile" }).waitFor();
  assert.deepEqual(await violations(alice), []);
  await alice.keyboard.press("Control+k");
  await alice.getByPlaceholder("Open by name").fill("router keeps");
  await alice.getByRole("button", { name: /Router keeps restarting/ }).waitFor();
  await screenshot(alice, "palette-light");
  await alice.keyboard.press("ArrowDown");
  await alice.keyboard.press("Enter");
  await alice
    .getByRole("region", { name: "Message" })
    .getByRole("heading", { name: "Router keeps restarting" })
    .waitFor();
  await alice.keyboard.press("Escape");
  await alice.getByPlaceholder("Search author, subject, text").fill("");
  await alice.getByText("Testing IMAP", { exact: true }).waitFor();
  await alice.getByRole("button", { name: "Compact rows" }).click();
  assert.equal((await alice.locator("[data-message]").first().boundingBox())?.height, 40);
  await screenshot(alice, "inbox-compact-light");
  await alice.getByRole("button", { name: "Compact rows" }).click();
  await alice.keyboard.press("?");
  await alice.getByRole("dialog", { name: "Keyboard" }).waitFor();
  await alice.keyboard.press("Escape");
});

test("everything is compared with the server, and mail is explained", async () => {
  await alice.keyboard.press("g");
  await alice.keyboard.press("e");
  const status = alice.getByRole("region", { name: "Status" });
  await status.getByRole("button", { name: "Compare now" }).click();
  await status.getByText("Complete", { exact: true }).waitFor();
  await status.getByText(/ 0 missing/).waitFor();
  await status.getByText("Why is a message here, or not?").click();
  await status.getByLabel("E-mail address, or <Message-ID>").fill("kelly@out.example");
  await alice.keyboard.press("Enter");
  await status.getByRole("link", { name: "Open the newest" }).click();
  await alice
    .getByRole("region", { name: "Message" })
    .getByText("kelly@out.example")
    .first()
    .waitFor();
  await alice.keyboard.press("g");
  await alice.keyboard.press("e");
  await status.getByText("Why is a message here, or not?").click();
  await status.getByLabel("E-mail address, or <Message-ID>").fill("nobody@nowhere.example");
  await alice.keyboard.press("Enter");
  await status.getByText("Nothing of it is in this account.").waitFor();
  await status.getByText("Only you can see this account.").waitFor();
  await screenshot(alice, "account-explained-light");
  assert.deepEqual(await violations(alice), []);
});

test("off and on again: the gap is fetched when its owner asks", async () => {
  await alice.keyboard.press("g");
  await alice.keyboard.press("e");
  const tracking = alice.getByRole("region", { name: "Email tracking" });
  const save = async () => {
    await tracking.getByRole("button", { name: "Save" }).click();
    await tracking.getByText("Saved").waitFor();
  };
  await tracking.getByLabel("Process old (historic) messages").uncheck({ force: true });
  await tracking.getByLabel("Enable inbox processing").uncheck({ force: true });
  await save();
  await alice.getByText("Off", { exact: true }).first().waitFor();
  demo.deliver("Kelly Sanders <kelly@out.example>", "While you were off", "Did you get this?");
  await tracking.getByLabel("Enable inbox processing").check({ force: true });
  await save();
  const status = alice.getByRole("region", { name: "Status" });
  await status.getByText("1 arrived while processing was off").waitFor();
  await screenshot(alice, "account-gap-light");
  await status.getByRole("button", { name: "Fetch the gap" }).click();
  await status.getByText("arrived while processing was off").waitFor({ state: "detached" });
  await alice.keyboard.press("g");
  await alice.keyboard.press("i");
  await alice
    .getByRole("list", { name: "Messages" })
    .getByText("While you were off", { exact: true })
    .waitFor();
});

test("the administrator without a grant sees nothing of it; with one, at once", async () => {
  const mallory = await demo.signIn(await demo.context(), "mallory");
  await mallory.getByText("Set up your email account").first().waitFor();
  assert.equal(await mallory.getByRole("listitem").count(), 0);
  const id =
    new URL(alice.url()).searchParams.get("open") ??
    (await alice.locator("[data-message]").first().getAttribute("data-message"));
  const foreign = await mallory.request.get(`/api/v1/messages/${id}`);
  const missing = await mallory.request.get(
    "/api/v1/messages/00000000-0000-7000-8000-000000000000",
  );
  assert.equal(foreign.status(), 404);
  assert.equal(await foreign.text(), await missing.text());

  const bob = await demo.signIn(await demo.context(), "bob");
  await bob.getByText("Set up your email account").first().waitFor();
  await alice
    .getByRole("navigation", { name: "Main" })
    .getByRole("link", { name: "Email account" })
    .click();
  const access = alice.getByRole("region", { name: "Access settings" });
  await access.getByRole("combobox", { name: "Add an administrator" }).click();
  await alice.getByRole("option", { name: "Bob Brown" }).click();
  await access.getByRole("button", { name: "Save" }).click();
  await bob.getByText("Testing IMAP", { exact: true }).click();
  await bob.getByText("Alice Adams's mail - you may see").waitFor();
  await screenshot(bob, "granted-light");
  const show = bob.getByRole("radiogroup", { name: "Show emails" });
  await show.getByText("My", { exact: true }).click();
  await bob.getByText("Nothing found").waitFor();
  await show.getByText("Alice Adams", { exact: true }).click();
  await bob.getByText("Testing IMAP", { exact: true }).first().waitFor();
  await alice.getByText("You and Bob Brown (may see)").first().waitFor();
  await access.getByRole("button", { name: "Take away" }).click();
  await access.getByRole("button", { name: "Save" }).click();
  await bob
    .getByText("Testing IMAP", { exact: true })
    .first()
    .waitFor({ state: "detached", timeout: 3_000 });
});

test("dark and narrow are designed too", async () => {
  await demo.inOtherLooks(alice, async (page, name) => {
    await page.goto("/inbox");
    await page.getByText("Testing IMAP", { exact: true }).waitFor();
    assert.deepEqual(await violations(page), [], name);
    await screenshot(page, `inbox-${name}`);
    await page.getByText("Re: payment account", { exact: true }).click();
    await page.frameLocator("iframe.mail-frame").getByText("Please clarify").waitFor();
    assert.deepEqual(await violations(page), [], name);
    await screenshot(page, `message-${name}`);
    await page.goto("/profile/email-account");
    await page.getByText("Connected", { exact: true }).waitFor();
    assert.deepEqual(await violations(page), [], name);
    await screenshot(page, `account-${name}`);
    const stranger = await (await demo.context({ [name]: true })).newPage();
    for (const [path, heading] of [
      ["/inbox", "Sign in"],
      ["/setup", "You make the first administrator"],
    ] as const) {
      await stranger.goto(path);
      await stranger.getByText(heading).first().waitFor();
      assert.deepEqual(await violations(stranger), [], `${path} ${name}`);
    }
    await stranger.context().close();
  });
});

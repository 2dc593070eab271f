/** What a hand does on the page: nothing grave at one press, nothing typed thrown away, and what is done is said. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { Demo, screenshot, undo, violations } from "./support";

let demo: Demo;
let alice: Page;

before(async () => {
  demo = await Demo.start();
  alice = await demo.signIn(await demo.context(), "alice");
});
after(() => demo.stop());

const rows = () => alice.getByRole("list", { name: "Messages" });
const message = () => alice.getByRole("region", { name: "Message" });
const card = (name: string) => alice.getByRole("region", { name });
const dialog = (name: string | RegExp) => alice.getByRole("dialog", { name });
const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

test("what is grave is asked for by name, and on oneself with a warning", async () => {
  await alice.goto("/administrators");
  for (const [act, question, own] of [
    ["Reset sign-in", "Reset the sign-in of Bob Brown?", false],
    ["Disable", "Disable Bob Brown?", false],
    ["Make super-administrator", "Make Bob Brown a super-administrator?", false],
    ["Make administrator", "Make Alice Adams an administrator?", true],
  ] as const) {
    const changes: string[] = [];
    const note = (request: { method: () => string; url: () => string }) =>
      void (request.method() !== "GET" && changes.push(request.url()));
    alice.on("request", note);
    await alice
      .getByRole("button", { name: own ? "Actions: Alice Adams" : "Actions: Bob Brown" })
      .click();
    await alice.getByRole("menuitem", { name: act, exact: true }).click();
    await dialog(question).getByRole("button", { name: "Cancel" }).waitFor();
    assert.equal(await dialog(question).getByText("This is you.").count(), own ? 1 : 0);
    // The safe answer has the focus: Enter does nothing grave.
    await dialog(question)
      .getByRole("button", { name: "Cancel" })
      .and(alice.locator(":focus"))
      .waitFor();
    assert.deepEqual(changes, [], act);
    if (own) {
      assert.deepEqual(await violations(alice), []);
      await screenshot(alice, "ask-own-light");
    }
    await alice.keyboard.press("Enter");
    await dialog(question).waitFor({ state: "detached" });
    alice.off("request", note);
  }
  await alice.getByRole("button", { name: "Actions: Bob Brown" }).click();
  await alice.getByRole("menuitem", { name: "Disable", exact: true }).click();
  await dialog("Disable Bob Brown?").getByRole("button", { name: "Disable" }).click();
  await alice
    .getByRole("row", { name: /Bob Brown/ })
    .getByText("Disabled")
    .waitFor();
  await alice.getByRole("button", { name: "Actions: Bob Brown" }).click();
  await alice.getByRole("menuitem", { name: "Enable", exact: true }).click();
  await dialog("Enable Bob Brown?").getByRole("button", { name: "Enable" }).click();
  await alice
    .getByRole("row", { name: /Bob Brown/ })
    .getByText("Active")
    .waitFor();
  await alice.getByRole("button", { name: "Make a token" }).click();
  await dialog("Make a token").getByLabel("Name").fill("CRM");
  await dialog("Make a token").getByRole("button", { name: "Make a token" }).click();
  await dialog("Make a token").getByText("Copy it now").waitFor();
  await alice.keyboard.press("Escape");
  await alice.getByRole("button", { name: "Revoke: CRM" }).click();
  await dialog("Revoke the token CRM?").getByRole("button", { name: "Revoke" }).click();
  await alice.getByRole("button", { name: "Revoke: CRM" }).waitFor({ state: "detached" });
});

test("access: an end that is over is refused beside its field, and a save says so", async () => {
  await alice.goto("/profile/email-account");
  const access = card("Access settings");
  await alice.getByText("What is read here is visible to nobody else").waitFor();
  await access.getByRole("combobox", { name: "Add an administrator" }).click();
  await alice.getByRole("option", { name: "Bob Brown" }).click();
  const end = access.getByLabel("Until");
  await end.fill(day(-3));
  await access.getByText("This day is over.").waitFor();
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "access-over-light");
  await access.getByRole("button", { name: "Save" }).click();
  assert.equal(await access.getByText("Saved").count(), 0);
  await end.fill(day(3));
  await access.getByRole("button", { name: "Save" }).click();
  await access.getByText("Saved", { exact: true }).waitFor();
  assert.equal(await end.inputValue(), day(3));
  // Beside a seal that names others nothing says that nobody else sees it.
  await alice.getByText("visible to those whom the seal names").waitFor();
  await screenshot(alice, "access-saved-light");
  // Once something else is chosen, it is not saved any more.
  await end.fill(day(4));
  await access.getByText("Saved", { exact: true }).waitFor({ state: "detached" });
});

test("a signature comes back as it was typed", async () => {
  const typed = "Alice & Bob <sales>\nR&D; 2 < 3";
  await alice.goto("/profile/email-account");
  const signature = card("SMTP settings").getByLabel("Signature");
  for (const end of ["", "!"]) {
    await signature.fill(typed + end);
    await card("SMTP settings").getByRole("button", { name: "Save signature" }).click();
    await card("SMTP settings").getByRole("button", { name: "Saved", exact: true }).waitFor();
    await alice.reload();
    await signature.waitFor();
    assert.equal(await signature.inputValue(), typed + end);
  }
});

test("what is typed stays, whatever arrives behind it", async () => {
  await alice.goto("/profile/email-account");
  const imap = card("IMAP settings");
  const smtp = card("SMTP settings");
  await imap.getByLabel("IMAP server").fill("typed.example.org");
  await smtp.getByLabel("SMTP server").fill("smtp.typed.example.org");
  await card("Email tracking").getByLabel("Deny list").fill("typed.example");
  // The address of a known provider fills in servers, which takes a while on a slow line.
  await alice.route("**/api/v1/discovery", async (route) => {
    await new Promise((wait) => setTimeout(wait, 700));
    await route.continue();
  });
  await alice.getByLabel("Email address").fill("alice@gmail.com");
  await alice.getByLabel("Password", { exact: true }).fill("typed meanwhile");
  await alice.getByRole("link", { name: "app password" }).waitFor();
  const access = card("Access settings");
  await access.getByLabel("Until").fill(day(5));
  await access.getByRole("button", { name: "Save" }).click();
  await access.getByText("Saved", { exact: true }).waitFor();
  assert.equal(await imap.getByLabel("IMAP server").inputValue(), "typed.example.org");
  assert.equal(await smtp.getByLabel("SMTP server").inputValue(), "smtp.typed.example.org");
  assert.equal(await alice.getByLabel("Password", { exact: true }).inputValue(), "typed meanwhile");
  assert.equal(await card("Email tracking").getByLabel("Deny list").inputValue(), "typed.example");
  await alice.unroute("**/api/v1/discovery");
});

test("a record that a colleague saves does not take away what is typed into it", async () => {
  await alice.goto("/customers");
  await alice.getByRole("button", { name: "Add customer" }).first().click();
  await dialog("Add customer").getByLabel("Name").fill("Ada Ltd");
  await dialog("Add customer").getByRole("button", { name: "Save" }).click();
  await alice.getByRole("tab", { name: "Information" }).click();
  await alice.getByLabel("Notes").fill("typed by Alice");
  const bob = await demo.signIn(await demo.context(), "bob");
  await bob.goto(alice.url());
  await bob.getByLabel("Phone").fill("123");
  await bob.getByRole("button", { name: "Save" }).click();
  await bob.getByText("Saved", { exact: true }).waitFor();
  // What Bob saved arrives by an event; what Alice types stays.
  await alice.waitForFunction(() =>
    [...document.querySelectorAll("input")].some((input) => input.value === "123"),
  );
  assert.equal(await alice.getByLabel("Notes").inputValue(), "typed by Alice");
  await alice.getByRole("button", { name: "Save" }).click();
  await alice.getByText("Saved", { exact: true }).waitFor();
  assert.equal(await alice.getByLabel("Phone").inputValue(), "123");
  await bob.context().close();
});

test("deleted messages say Restore, and nothing deletes them further", async () => {
  await alice.goto("/inbox");
  await rows().getByText("Router keeps restarting", { exact: true }).click();
  await message().getByRole("heading", { name: "Router keeps restarting" }).waitFor();
  await alice.keyboard.press("#");
  await alice.getByText("Message deleted").waitFor();
  await alice.goto("/inbox?deleted=true");
  await rows().getByText("Router keeps restarting", { exact: true }).click();
  await message().getByText("This message is deleted.").waitFor();
  assert.equal(await message().getByRole("button", { name: "Reply" }).count(), 0);
  assert.equal(await message().getByRole("button", { name: "Block email" }).count(), 0);
  await alice.keyboard.press("#");
  const row = rows().locator(".row", { hasText: "Router keeps restarting" });
  await row.hover();
  assert.equal(await row.getByRole("button", { name: "Delete message" }).count(), 0);
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "deleted-light");
  await row.getByRole("button", { name: "Restore" }).click();
  await alice.getByText("Message restored").waitFor();
  await row.waitFor({ state: "detached" });
  // What is open knows at once that it is back.
  await message().getByText("This message is deleted.").waitFor({ state: "detached" });
});

test("a blocked and deleted message says what happened to it", async () => {
  await alice.goto("/inbox");
  await rows().getByText("Your weekly newsletter", { exact: true }).click();
  await message().getByRole("heading", { name: "Your weekly newsletter" }).waitFor();
  await message().getByRole("button", { name: "Block email" }).click();
  await dialog("Block email").getByLabel("Also delete 1 message that is here").check();
  await dialog("Block email").getByRole("button", { name: "Block" }).click();
  await message().getByText("This message is deleted.").waitFor();
  assert.equal(await message().getByRole("button", { name: "Block email" }).count(), 0);
  await screenshot(alice, "blocked-light");
  await undo(alice, "Blocked");
  await message().getByText("This message is deleted.").waitFor({ state: "detached" });
  await rows().getByText("Your weekly newsletter", { exact: true }).waitFor();
});

test("a message that is deleted in another tab does not go on as if it were there", async () => {
  await rows().getByText("Router keeps restarting", { exact: true }).click();
  await message().getByRole("heading", { name: "Router keeps restarting" }).waitFor();
  const id = new URL(alice.url()).searchParams.get("open") ?? "";
  const other = await alice.context().newPage();
  await other.goto(`/inbox?open=${id}`);
  await other
    .getByRole("region", { name: "Message" })
    .getByRole("button", { name: "More" })
    .click();
  await other.getByRole("menuitem", { name: "Delete message" }).click();
  await message().getByText("This message is deleted.").waitFor();
  // And the next one is the one that stood below it.
  await message().getByRole("button", { name: "Restore" }).click();
  await message().getByText("This message is deleted.").waitFor({ state: "detached" });
  await other.close();
});

test("two hundred recipients and a hundred files leave the text on the page", async () => {
  const to = Array.from(
    { length: 200 },
    (_, index) => `Recipient Number ${index} <r${index}@out.example>`,
  ).join(",\n ");
  const files = Array.from(
    { length: 100 },
    (_, index) =>
      `--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename="file${index}.txt"\n\nx\n`,
  ).join("");
  demo.receive(
    "kelly@out.example",
    `From: Kelly <kelly@out.example>\nTo: ${to}\nCc: ${demo.state.alice}\nSubject: To everybody\nMessage-ID: <everybody@out.example>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nThe text is here.\n${files}--b--\n`,
  );
  await rows().getByText("To everybody", { exact: true }).click();
  const text = message().getByText("The text is here.");
  await text.waitFor();
  const inView = async (page: Page) => {
    const box = await page
      .getByRole("region", { name: "Message" })
      .getByText("The text is here.")
      .boundingBox();
    const height = page.viewportSize()?.height ?? 0;
    assert.ok(box && box.y + box.height < height, `the text is at ${box?.y} of ${height}`);
  };
  await inView(alice);
  await message().getByRole("button", { name: "and 197 more" }).waitFor();
  await message().getByRole("button", { name: "and 94 more" }).waitFor();
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "everybody-light");
  await message().getByRole("button", { name: "and 197 more" }).click();
  await message().getByText("Recipient Number 199").first().waitFor();
  await inView(alice);
  await demo.inOtherLooks(alice, async (page, name) => {
    await page.goto(alice.url());
    await page.getByRole("region", { name: "Message" }).getByText("The text is here.").waitFor();
    await inView(page);
    assert.deepEqual(await violations(page), [], name);
    await screenshot(page, `everybody-${name}`);
  });
});

test("search finds what only HTML says, and names of files", async () => {
  demo.receive(
    "kelly@out.example",
    `From: Kelly <kelly@out.example>\nTo: ${demo.state.alice}\nSubject: Two ways\nMessage-ID: <twoways@out.example>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=a\n\n--a\nContent-Type: text/plain\n\nPlease see the HTML part.\n--a\nContent-Type: text/html\n\n<p>The <b>marzipan</b> is ready.</p>\n--a--\n--b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename="Kaufvertrag 2026.pdf"\n\nPDF\n--b--\n`,
  );
  await rows().getByText("Two ways", { exact: true }).waitFor();
  for (const words of ["marzipan", "kaufvertrag"]) {
    await alice.getByPlaceholder("Search author, subject, text").fill(words);
    await rows().getByText("Testing IMAP", { exact: true }).waitFor({ state: "detached" });
    await rows().getByText("Two ways", { exact: true }).waitFor();
    assert.equal(await rows().getByRole("listitem").count(), 1, words);
    await alice.getByPlaceholder("Search author, subject, text").fill("");
    await rows().getByText("Testing IMAP", { exact: true }).waitFor();
  }
});

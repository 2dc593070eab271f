/** An administrator writes to a customer; the customer's own mail program answers; a phone sends too. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { Demo, eventually, screenshot, undo, violations } from "./support";

let demo: Demo;
let alice: Page;

before(async () => {
  demo = await Demo.start();
  alice = await demo.signIn(await demo.context(), "alice");
});
after(() => demo.stop());

const composer = () =>
  alice.getByRole("dialog").filter({ has: alice.getByRole("textbox", { name: "Message" }) });
const thread = () => alice.getByRole("region", { name: "Thread" });
const list = () => alice.getByRole("list", { name: "Communication" });
const line = (subject: string) => list().getByRole("button", { name: subject });
const kellys = (subject: string) =>
  demo.mailbox("kelly").filter((raw) => raw.includes(`Subject: ${subject}`));

async function makeCustomer(name: string, address: string) {
  await alice.goto("/customers");
  await alice.getByRole("button", { name: "Add customer" }).first().click();
  const form = alice.getByRole("dialog", { name: "Add customer" });
  await form.getByLabel("Name").fill(name);
  await form.getByLabel("Email addresses").fill(address);
  await alice.keyboard.press("Enter");
  await form.getByRole("button", { name: "Save" }).click();
  await alice.getByRole("heading", { name }).waitFor();
}

test("a message is written, taken back, and sent from the customer's page", async () => {
  await makeCustomer("Kelly Sanders", "kelly@out.example");
  await alice.getByRole("button", { name: "Send email" }).click();
  await composer().getByText("Kelly Sanders <kelly@out.example>").waitFor();
  await composer()
    .getByRole("button", { name: /Who can see this/ })
    .waitFor();
  await composer().getByLabel("Subject").fill("Your new contract");
  await composer().getByRole("textbox", { name: "Message" }).click();
  await alice.keyboard.type("Dear Kelly, the contract is attached.");
  await composer().getByText("Saved").waitFor();
  await alice.keyboard.press("Control+Enter");
  const warning = alice.getByRole("dialog", { name: "Nothing is attached" });
  await warning.getByRole("button", { name: "Back" }).click();
  await composer()
    .locator("input[type=file]")
    .setInputFiles({
      name: "Vertrag Ü.pdf",
      mimeType: "application/pdf",
      buffer: Buffer.from("PDF of the contract"),
    });
  await composer().getByText("Vertrag Ü.pdf").waitFor();
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "composer-light");
  await composer().getByRole("button", { name: "Send", exact: true }).click();
  await list().getByText("Your new contract").waitFor();
  await undo(alice, "Sending");
  // The text is there again, and nothing of the message is left.
  await composer().getByText("the contract is attached").waitFor();
  await composer().getByText("Vertrag Ü.pdf").waitFor();
  await list().getByText("Your new contract").waitFor({ state: "detached" });
  await composer().getByRole("button", { name: "Send", exact: true }).click();
  await list().getByText("Your new contract").click();
  await thread().getByText("Queued").waitFor();
  await screenshot(alice, "queued-light");
  await thread().getByText("Queued").waitFor({ state: "detached", timeout: 20_000 });
  const [raw] = await eventually("Kelly has it", () =>
    kellys("Your new contract").length > 0 ? kellys("Your new contract") : undefined,
  );
  assert.ok(
    raw?.includes('From: "Alice Adams" <alice@isp.example>') ||
      raw?.includes("From: Alice Adams <alice@isp.example>"),
    raw,
  );
  assert.equal(kellys("Your new contract").length, 1);
  // The copy is in Sent, once, and is the same message here.
  await eventually("the copy is in Sent", () =>
    demo.mailbox("alice", "Sent").filter((copy) => copy.includes("Your new contract")).length === 1
      ? true
      : undefined,
  );
});

test("the customer answers from another mail program, into the same thread", async () => {
  const id = /^Message-ID: (<.*>)/im.exec(kellys("Your new contract")[0] ?? "")?.[1] ?? "";
  assert.match(id, /^<[0-9a-f]{32}\.[0-9a-f]{24}@isp\.example>$/);
  // From another address than it was sent to: our token in the reference says that it is an answer.
  demo.receive(
    "kelly@private.example",
    `From: Kelly <kelly@out.example>\nTo: alice@isp.example\nSubject: Re: Your new contract\nMessage-ID: <answer1@out.example>\nIn-Reply-To: ${id}\n\nThank you, I sign it.\n\nOn Mon, 21 Sep 2026, Alice Adams wrote:\n> Dear Kelly, the contract is attached.\n`,
  );
  await thread().getByText("Thank you, I sign it.").first().waitFor();
  await line("Your new contract").getByText("2", { exact: true }).waitFor();
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "answered-light");
});

test("what a phone sends appears too, once", async () => {
  const raw =
    "From: Alice Adams <alice@isp.example>\nTo: kelly@out.example\nSubject: Re: Your new contract\nMessage-ID: <phone1@isp.example>\nIn-Reply-To: <answer1@out.example>\nDate: Mon, 21 Sep 2026 12:00:00 +0000\n\nSent from my phone.\n";
  demo.file("alice", "Sent", raw);
  await thread().getByText("Sent from my phone.").first().waitFor({ timeout: 60_000 });
  await line("Your new contract").getByText("3", { exact: true }).waitFor();
  assert.equal(await thread().getByText("Sent from my phone.").count(), 1);
});

test("a reply to all loses nobody and leaks nobody", async () => {
  demo.receive(
    "kelly@out.example",
    "From: Kelly <kelly@out.example>\nTo: alice@isp.example, John <john.doe@out.example>\nCc: Zoë <zoe@out.example>\nSubject: Meeting\nMessage-ID: <meeting1@out.example>\n\nShall we meet?\n",
  );
  // A list keeps its place while the pointer is on it.
  await alice.mouse.move(0, 0);
  await alice.goto("/inbox");
  const rows = alice.getByRole("list", { name: "Messages" });
  await rows.locator(".row", { hasText: "Meeting" }).getByText("Shall we meet?").click();
  await alice
    .getByRole("region", { name: "Message" })
    .getByRole("heading", { name: "Meeting" })
    .waitFor();
  await alice.keyboard.press("a");
  await composer().getByText("Kelly <kelly@out.example>").waitFor();
  await composer().getByText("John <john.doe@out.example>").waitFor();
  await composer().getByText("Zoë <zoe@out.example>").waitFor();
  assert.equal(
    await composer().getByText("alice@isp.example>").count(),
    1,
    "oneself is in From only",
  );
  await composer().getByLabel("Bcc").fill("hidden@out.example");
  await alice.keyboard.press("Enter");
  await composer().getByRole("textbox", { name: "Message" }).click();
  await alice.keyboard.type("Yes, at ten.");
  await alice.keyboard.press("Control+Enter");
  const [raw] = await eventually("Kelly has the answer", () =>
    kellys("Re: Meeting").length > 0 ? kellys("Re: Meeting") : undefined,
  );
  assert.ok(raw && !raw.includes("hidden@"), "Bcc leaked");
  await eventually("the hidden one has it", () =>
    demo.mailbox("hidden").some((held) => held.includes("Re: Meeting")) ? true : undefined,
  );
  await eventually("the own copy names Bcc", () =>
    demo
      .mailbox("alice", "Sent")
      .some((held) => held.includes("Re: Meeting") && /^Bcc: .*hidden@out.example/im.test(held))
      ? true
      : undefined,
  );
});

test("drafts are kept, wrong addresses named, and the outbox says how things stand", async () => {
  await alice.goto("/inbox");
  await alice.getByRole("list", { name: "Messages" }).waitFor();
  await alice.keyboard.press("c");
  await composer().getByLabel("To", { exact: true }).fill("not an address");
  await alice.keyboard.press("Enter");
  await composer().getByText("not an address is not an email address.").waitFor();
  assert.ok(await composer().getByRole("button", { name: "Send", exact: true }).isDisabled());
  await composer().getByLabel("Subject").fill("Half a thought");
  await composer().getByRole("button", { name: "Close" }).click();
  await alice.getByRole("link", { name: "Drafts" }).click();
  await alice.getByRole("list", { name: "Drafts" }).getByText("Half a thought").waitFor();
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "drafts-light");
  await alice.getByRole("link", { name: "Outbox" }).click();
  const entry = alice.getByRole("region", { name: "Your new contract" });
  await entry.getByText("Sent").waitFor();
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "outbox-light");
});

test("a message that comes back says so, on the message", async () => {
  const id = /^Message-ID: <(.*)>/im.exec(kellys("Your new contract")[0] ?? "")?.[1] ?? "";
  demo.receive(
    "",
    `From: Mail Delivery System <MAILER-DAEMON@mx.example>\nTo: alice@isp.example\nSubject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n--b\nContent-Type: text/plain\n\nI am sorry.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; kelly@out.example\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 5.2.2 mailbox full\n--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <${id}>\n--b--\n`,
  );
  await alice.goto("/inbox");
  await alice
    .getByRole("list", { name: "Messages" })
    .getByText("Delivery report")
    .first()
    .waitFor();
  // The conversation is still called by what people wrote.
  await alice.goto("/customers");
  await alice.getByText("Kelly Sanders").first().click();
  await alice.getByRole("tab", { name: "Communication" }).click();
  await line("Your new contract").click();
  await thread().getByText("Came back", { exact: true }).first().click();
  await thread().getByText("552 5.2.2 mailbox full").waitFor();
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "came-back-light");
});

test("a test message says what the server said", async () => {
  await alice.goto("/profile/email-account");
  const card = alice.getByRole("region", { name: "SMTP settings" });
  await card.getByRole("button", { name: "Test connection" }).click();
  await card.getByText("Greeted").waitFor();
  await card.getByRole("button", { name: "Send test message" }).click();
  await card.getByRole("status").getByText("250").waitFor();
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "smtp-light");
});

test("dark and narrow are designed too", async () => {
  await demo.inOtherLooks(alice, async (page, name) => {
    await page.goto("/drafts");
    await page.getByText("Half a thought").click();
    await page.getByRole("textbox", { name: "Message" }).waitFor();
    assert.deepEqual(await violations(page), [], name);
    await screenshot(page, `composer-${name}`);
  });
});

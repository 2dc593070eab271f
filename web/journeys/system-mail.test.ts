/** The system's own e-mail: set up, tried, written by a program, seen at the customer; personal mail through its server. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { Demo, eventually, screenshot, violations } from "./support";

let demo: Demo;
let alice: Page;
let port: string;

before(async () => {
  demo = await Demo.start();
  alice = await demo.signIn(await demo.context(), "alice");
  port = /daemon_smtp_ports = (\d+)/.exec(readFileSync(demo.state.exim, "utf8"))?.[1] ?? "";
});
after(() => demo.stop());

const log = () => alice.getByRole("region", { name: "Mail log" });

test("a super-administrator sets the system's e-mail up and tries it", async () => {
  await alice.goto("/config/email");
  await log().getByText("No system e-mail in this period.").waitFor();
  await alice.getByLabel("Sender's name").fill("ISP Billing");
  await alice.getByLabel("Sender's email").fill("billing");
  await alice.getByText("Enable email sending").click();
  await alice.getByRole("textbox", { name: "SMTP server" }).fill("127.0.0.1");
  await alice.getByLabel("SMTP port").fill(port);
  await alice.getByRole("combobox", { name: "Encrypted" }).click();
  await alice.getByRole("option", { name: "None" }).click();
  await alice.getByText("Use authentication").click();
  const server = alice.getByRole("region", { name: "SMTP server" });
  const path = "**/api/v1/system-mail/test";
  await alice.route(path, (route) => route.abort());
  await server.getByRole("button", { name: "Test connection" }).click();
  await server.getByText("Waxseal does not answer").waitFor();
  await alice.unroute(path);
  await server.getByRole("button", { name: "Test connection" }).click();
  await server.getByText(/Greeted/).waitFor();
  await server.getByRole("button", { name: "Save" }).click();
  await alice.getByText("An e-mail address has the form name@domain.").waitFor();
  await alice.getByLabel("Sender's email").fill("billing@isp.example");
  await server.getByRole("button", { name: "Save" }).click();
  await server.getByText("Saved").waitFor();
  await alice.getByLabel("Test email").fill("alice@isp.example");
  await alice.getByRole("button", { name: "Send test message" }).click();
  await log().getByText("Test message").waitFor();
  await log().getByText("Sent", { exact: true }).waitFor({ timeout: 20_000 });
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "system-mail-light");
  await demo.inOtherLooks(alice, async (page, look) => {
    await page.goto("/config/email");
    await page.getByLabel("Sender's name").waitFor();
    assert.deepEqual(await violations(page), []);
    await screenshot(page, `system-mail-${look}`);
  });
});

test("an invoice of the CRM is at the customer for everyone, and in nobody's inbox", async () => {
  const made = await alice.request.post("/api/v1/api-tokens", {
    data: { name: "CRM", scope: "system-mail", days: 1 },
    headers: { origin: demo.state.url },
  });
  const { token } = (await made.json()) as { token: string };
  const party = await alice.request.post("/api/v1/parties", {
    data: {
      kind: "customer",
      name: "Kelly Sanders",
      addresses: ["kelly@out.example"],
      number: "",
      phone: "",
      status: "",
      notes: "",
    },
    headers: { origin: demo.state.url },
  });
  const { id } = (await party.json()) as { id: string };
  const written = await alice.request.post("/api/v1/system-mail", {
    headers: { authorization: `Bearer ${token}`, "idempotency-key": "invoice-7" },
    data: {
      to: [{ name: "Kelly", address: "kelly@out.example" }],
      subject: "Invoice 7",
      html: "<p>Your invoice is attached.</p>",
      attachments: [{ name: "invoice-7.pdf", content_type: "application/pdf", content: "UERG" }],
    },
  });
  assert.equal(written.status(), 202, await written.text());
  await eventually("Kelly has it", () =>
    demo
      .mailbox("kelly")
      .some(
        (raw) =>
          raw.includes("Subject: Invoice 7") && raw.includes("Auto-Submitted: auto-generated"),
      )
      ? true
      : undefined,
  );
  // Bob has nobody's grant, and sees what the system wrote, at the customer alone.
  const bob = await demo.signIn(await demo.context(), "bob");
  await bob.getByText("Invoice 7").waitFor({ state: "detached" });
  await bob.goto(`/party/${id}?tab=communication`);
  await bob.getByRole("list", { name: "Communication" }).getByText("Invoice 7").click();
  const thread = bob.getByRole("region", { name: "Thread" });
  await thread.getByText("Everyone who can open this customer").waitFor();
  await thread.getByText("invoice-7.pdf").waitFor();
  assert.equal(await thread.getByRole("button", { name: "Reply" }).count(), 0);
  assert.deepEqual(await violations(bob), []);
  await screenshot(bob, "system-thread-light");
  await bob.goto("/config/email");
  await bob.getByText("Only a super-administrator may do this.").waitFor();
});

test("a personal message goes through the system's server and stays personal", async () => {
  await alice.goto("/profile/email-account");
  const card = alice.getByRole("region", { name: "SMTP settings" });
  await card.getByText("Use system SMTP").click();
  await card.getByText("Mail goes out from billing@isp.example").waitFor();
  assert.equal(await card.getByRole("textbox", { name: "SMTP server" }).isDisabled(), true);
  await card.getByRole("button", { name: "Save", exact: true }).click();
  await card.getByText("Saved").waitFor();
  await screenshot(alice, "use-system-light");
  await card.getByLabel("Test email").fill("kelly@out.example");
  await card.getByRole("button", { name: "Send test message" }).click();
  const raw = await eventually("Kelly has it", () =>
    demo.mailbox("kelly").find((one) => one.includes("Subject: Test message")),
  );
  assert.match(raw, /^From: "?ISP Billing"? <billing@isp\.example>/m);
  assert.match(raw, /^Reply-To: <?alice@isp\.example>?/m);
  await eventually("the copy is in Sent", () =>
    demo.mailbox("alice", "Sent").some((copy) => copy.includes("Subject: Test message"))
      ? true
      : undefined,
  );
  await alice.goto("/config/email");
  await log().getByText("Invoice 7").waitFor();
  // Only the one that alice tried the system with.
  assert.equal(await log().getByText("Test message").count(), 1);
});

test("mail is taken out: of the Inbox, of a customer, of the account, each file once", async () => {
  await alice.goto("/inbox");
  const exportAs = async (format: string) => {
    await alice.getByRole("button", { name: "Export" }).click();
    const [download] = await Promise.all([
      alice.waitForEvent("download"),
      alice.getByRole("menuitem", { name: format }).click(),
    ]);
    return {
      name: download.suggestedFilename(),
      text: readFileSync(await download.path(), "utf8"),
      url: download.url(),
    };
  };
  const csv = await exportAs("CSV");
  assert.equal(csv.name, "messages.csv");
  assert.match(csv.text, /^\ufeffDate,Direction,Author/);
  assert.ok(csv.text.split("\n").length > 5, csv.text);
  assert.equal((await alice.request.get(csv.url)).status(), 404, "a link works once");
  await alice.getByText(/messages exported/).waitFor();
  await screenshot(alice, "export-light");
  await alice.goto("/customers");
  await alice.getByText("Kelly Sanders").click();
  const page = await exportAs("Printable page");
  assert.ok(page.text.includes("<article>"), page.text);
  await alice.goto("/profile/email-account");
  const mbox = await exportAs("mbox");
  assert.match(mbox.text, /^From /);
});

test("a link to sign in is sent by system mail", async () => {
  await alice.goto("/administrators");
  await alice.getByRole("button", { name: "Add", exact: true }).click();
  const dialog = alice.getByRole("dialog", { name: "Add an administrator" });
  await dialog.getByLabel("Name").fill("Nadia New");
  await dialog.getByLabel("Login").fill("nadia");
  await dialog.getByRole("button", { name: "Make the link" }).click();
  const link = alice.getByRole("dialog", { name: "One-time link" });
  await link.getByLabel("Or send it to").fill("kelly@out.example");
  await link.getByRole("button", { name: "Send", exact: true }).click();
  await link.getByRole("button", { name: "Sent" }).waitFor();
  const raw = await eventually("it is there", () =>
    demo.mailbox("kelly").find((one) => one.includes("Subject: Choose your password")),
  );
  const text = raw.replaceAll("=\r\n", "");
  assert.match(text, /Hello Nadia New/);
  const address = /(http:\/\/localhost:\d+\/welcome#[\w-]+)/.exec(text)?.[1];
  assert.ok(address, text);
  const nadia = await (await demo.context()).newPage();
  await nadia.goto(address);
  await nadia.getByLabel("Password").first().waitFor();
});

test("a refused login is told above every page and by mail, until it is mended", async () => {
  await alice.goto("/profile/email-account");
  const card = alice.getByRole("region", { name: "Credentials" });
  await card.getByLabel("Name", { exact: true }).fill("Alice A. Adams");
  await card.getByLabel("Password", { exact: true }).fill("wrong");
  await card.getByRole("button", { name: "Save" }).click();
  await card.getByText("Saved").waitFor();
  const banner = alice
    .getByRole("alert")
    .filter({ hasText: "The mail server refuses the login of alice@isp.example" });
  await banner.waitFor({ timeout: 45_000 });
  assert.deepEqual(await violations(alice), []);
  await alice.goto("/customers");
  await banner.waitFor();
  await screenshot(alice, "alarm-light");
  await eventually("alice is told by mail", () =>
    demo.mailbox("alice").some((raw) => raw.includes("Subject: Your mail server refuses the login"))
      ? true
      : undefined,
  );
  await banner.getByRole("link", { name: "Email account" }).click();
  await card.getByLabel("Password", { exact: true }).fill(demo.state.mailPassword);
  await card.getByRole("button", { name: "Save" }).click();
  await banner.waitFor({ state: "detached", timeout: 20_000 });
});

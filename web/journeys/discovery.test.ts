/** An address is typed, and its servers are there: from where, whether to take them, and the connection works. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { Demo, screenshot, violations } from "./support";

let demo: Demo;
let alice: Page;

before(async () => {
  demo = await Demo.start("--without-account", "--discovery");
});
after(() => demo.stop());

const card = (name: string) => alice.getByRole("region", { name });
const servers = () => alice.getByRole("status", { name: "Servers" });
const value = (name: string, label: string) => card(name).getByLabel(label).inputValue();

async function typeAddress(address: string) {
  await alice.getByLabel("Email address").fill(address);
  await alice.getByLabel("Email address").blur();
}

test("servers that only DNS names are asked about, taken, and the connection works", async () => {
  alice = await demo.signIn(await demo.context(), "alice");
  await alice.goto("/profile/email-account");
  await typeAddress(demo.state.alice);
  await alice.getByRole("button", { name: "Continue" }).click();
  await servers().getByText("named by the domain in DNS").waitFor({ timeout: 3_000 });
  await servers().getByText("they belong to somebody else").waitFor();
  assert.equal(await value("IMAP settings", "IMAP server"), "");
  assert.deepEqual(await violations(alice), []);
  await servers().scrollIntoViewIfNeeded();
  await screenshot(alice, "discovery-ask-light");
  await demo.inOtherLooks(alice, async (page, look) => {
    await page.goto("/profile/email-account");
    await page.getByRole("button", { name: "Use these servers" }).scrollIntoViewIfNeeded();
    assert.deepEqual(await violations(page), []);
    await screenshot(page, `discovery-ask-${look}`);
  });
  await servers().getByRole("button", { name: "Use these servers" }).click();
  assert.equal(await value("IMAP settings", "IMAP server"), "localhost");
  assert.equal(await value("IMAP settings", "IMAP port"), String(demo.state.imapsPort));
  await card("Credentials").getByLabel("Username").fill("alice");
  await card("Credentials").getByLabel("Password", { exact: true }).fill(demo.state.mailPassword);
  await card("IMAP settings").getByRole("button", { name: "Test connection" }).click();
  await card("IMAP settings").getByText("sent mail is in Sent").waitFor();
});

test("what is typed stays; the rest follows the address", async () => {
  await card("SMTP settings").getByRole("button", { name: "SMTP settings" }).click();
  await card("SMTP settings").getByLabel("SMTP server").fill("typed.example.org");
  await typeAddress("alice@own.example");
  await servers().getByText("imap.own.example", { exact: true }).waitFor({ timeout: 3_000 });
  assert.equal(await value("IMAP settings", "IMAP server"), "imap.own.example");
  assert.equal(await value("IMAP settings", "IMAP port"), "993");
  assert.equal(await value("SMTP settings", "SMTP server"), "typed.example.org");
  assert.equal(await value("SMTP settings", "SMTP port"), "465");
  assert.equal(await servers().getByRole("button").count(), 0);
});

test("an own domain at a provider is recognised, and its button named", async () => {
  await typeAddress("alice@acme.example");
  await servers().getByText("takes in the mail of this domain").waitFor({ timeout: 3_000 });
  await servers().getByText("Google signs this mailbox in").waitFor();
  await alice.getByRole("link", { name: "app password" }).waitFor();
  assert.equal(await value("IMAP settings", "IMAP server"), "imap.gmail.com");
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "discovery-light");
});

test("where nothing is found, that is said, and nothing of the network inside", async () => {
  for (const address of ["alice@nowhere.example", "alice@db.internal", "alice@imap.localhost"]) {
    await typeAddress(address);
    await servers().getByText("No servers were found").waitFor({ timeout: 4_000 });
    assert.equal(await value("IMAP settings", "IMAP server"), "");
  }
});

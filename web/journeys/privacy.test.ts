/** Who may see what, as people live it: a newcomer, a second factor, a reset that seals, sessions, the audit log. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { Demo, screenshot, violations } from "./support";

let demo: Demo;
let alice: Page;
let mallory: Page;

before(async () => {
  demo = await Demo.start();
});
after(() => demo.stop());

test("a super-administrator makes a newcomer, who chooses a password by the link", async () => {
  mallory = await demo.signIn(await demo.context(), "mallory");
  await mallory.getByRole("link", { name: "Administrators" }).click();
  await mallory.getByRole("button", { name: "Add", exact: true }).click();
  const dialog = mallory.getByRole("dialog", { name: "Add an administrator" });
  await dialog.getByLabel("Name").fill("Nina North");
  await dialog.getByLabel("Login").fill("nina");
  await dialog.getByRole("button", { name: "Make the link" }).click();
  const nina = await (await demo.context()).newPage();
  await nina.goto(await takeLink(mallory));
  await nina.getByLabel("Password", { exact: true }).fill("short");
  await nina.getByRole("button", { name: "Save" }).click();
  await nina.getByText("At least 10 characters are expected.").waitFor();
  await nina.getByLabel("Password", { exact: true }).fill(demo.state.signInPassword);
  await nina.getByRole("button", { name: "Save" }).click();
  await nina.getByRole("button", { name: "Sign in" }).waitFor();
  const page = await demo.signIn(await demo.context(), "nina");
  await page.getByText("Set up your email account").first().waitFor();
  assert.equal(await page.getByRole("link", { name: "Administrators" }).count(), 0);
  assert.deepEqual(await violations(mallory), []);
  await screenshot(mallory, "administrators-light");
});

test("a second factor is asked for, and a code works once", async () => {
  alice = await demo.signIn(await demo.context(), "alice");
  await alice.goto("/profile");
  await alice.getByRole("button", { name: "Second factor" }).click();
  await alice.getByRole("button", { name: "Set up" }).click();
  const secret = await alice.locator("code").innerText();
  const card = alice.getByRole("region", { name: "Second factor" });
  await card.getByLabel("Code").fill("000000");
  await card.getByRole("textbox", { name: "Password" }).fill(demo.state.signInPassword);
  await card.getByRole("button", { name: "Turn on" }).click();
  await card.getByText("This code does not fit").waitFor();
  const code = totp(secret, 0);
  await card.getByLabel("Code").fill(code);
  await card.getByRole("button", { name: "Turn on" }).click();
  await card.getByText("Recovery codes").waitFor();
  const recovery = (await card.locator("pre").innerText()).split("\n")[0] ?? "";
  await screenshot(alice, "second-factor-light");
  assert.deepEqual(await violations(alice), []);

  const page = await (await demo.context()).newPage();
  await page.goto("/inbox");
  await page.getByLabel("Login").fill("alice");
  await page.getByLabel("Password", { exact: true }).fill(demo.state.signInPassword);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Type the code that your app shows.").waitFor();
  await page.getByLabel("Code").fill(code);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("was used before").waitFor();
  await screenshot(page, "sign-in-code-light");
  await page.getByLabel("Code").fill(recovery);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Testing IMAP", { exact: true }).waitFor();
});

test("sessions are listed, and one is ended from another", async () => {
  const other = (await demo.browser.contexts().at(-1)?.pages())?.[0];
  assert.ok(other);
  await alice.reload();
  await alice.getByRole("button", { name: "Sessions" }).click();
  const card = alice.getByRole("region", { name: "Sessions" });
  await card.getByText("This one").waitFor();
  await card.getByRole("button", { name: "End" }).click();
  await alice
    .getByRole("dialog", { name: /^End the session of / })
    .getByRole("button", { name: "End" })
    .click();
  await card.getByRole("button", { name: "End" }).waitFor({ state: "detached" });
  await other.reload();
  await other.getByRole("button", { name: "Sign in" }).waitFor();
});

test("what a colleague may see rests after a reset, until the owner says that it is them", async () => {
  const inMain = (page: Page, name: string) =>
    page.getByRole("navigation", { name: "Main" }).getByRole("link", { name });
  await inMain(alice, "Email account").click();
  const access = alice.getByRole("region", { name: "Access settings" });
  await access.getByRole("combobox", { name: "Add an administrator" }).click();
  await alice.getByRole("option", { name: "Bob Brown" }).click();
  await access.getByRole("button", { name: "Save" }).click();
  await alice.getByText("You and Bob Brown (may see)").first().waitFor();

  await mallory.getByRole("button", { name: "Actions: Bob Brown" }).click();
  await mallory.getByRole("menuitem", { name: "Reset sign-in" }).click();
  await mallory
    .getByRole("dialog", { name: "Reset the sign-in of Bob Brown?" })
    .getByRole("button", { name: "Reset sign-in" })
    .click();
  const link = await takeLink(mallory);
  const told = alice.getByText(/A colleague with access to .* had their sign-in reset/);
  await told.waitFor();
  const rests = access.getByRole("alert", { name: "Access of Bob Brown rests" });
  await rests.getByRole("button", { name: "Confirm" }).click();
  await rests.getByText("No new password has been chosen yet").waitFor();

  const whoever = await (await demo.context()).newPage();
  await whoever.goto(link);
  await whoever.getByLabel("Password", { exact: true }).fill("chosen by whoever it is");
  await whoever.getByRole("button", { name: "Save" }).click();
  await whoever.getByLabel("Login").fill("bob");
  await whoever.getByLabel("Password", { exact: true }).fill("chosen by whoever it is");
  await whoever.getByRole("button", { name: "Sign in" }).click();
  await whoever.getByText("Set up your email account").first().waitFor();
  assert.equal(await whoever.getByText("Testing IMAP").count(), 0);

  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "access-rests-light");
  await demo.inOtherLooks(alice, async (page, name) => {
    await page.goto("/profile/email-account");
    await page
      .getByRole("alert", { name: "Access of Bob Brown rests" })
      .getByRole("button", { name: "Confirm" })
      .scrollIntoViewIfNeeded();
    assert.deepEqual(await violations(page), []);
    await screenshot(page, `access-rests-${name}`);
  });
  await rests.getByRole("button", { name: "Confirm" }).click();
  await rests.waitFor({ state: "detached" });
  await told.waitFor({ state: "detached" });
  await inMain(whoever, "Inbox").click();
  await whoever.getByText("Testing IMAP", { exact: true }).first().waitFor();
});

test("a reset by somebody else seals the account until the mailbox's own password is typed", async () => {
  await mallory.getByRole("button", { name: "Actions: Alice Adams" }).click();
  await mallory.getByRole("menuitem", { name: "Reset sign-in" }).click();
  const asked = mallory.getByRole("dialog", { name: "Reset the sign-in of Alice Adams?" });
  await asked.getByText("The mail accounts are sealed").waitFor();
  assert.deepEqual(await violations(mallory), []);
  await screenshot(mallory, "reset-asked-light");
  await asked.getByRole("button", { name: "Reset sign-in" }).click();
  const link = await takeLink(mallory);
  await alice.getByRole("button", { name: "Sign in" }).waitFor({ timeout: 3_000 });

  // Mallory tries it herself: the new sign-in is hers now, and nothing is there.
  const thief = await (await demo.context()).newPage();
  await thief.goto(link);
  await thief.getByLabel("Password", { exact: true }).fill("taken over by mallory");
  await thief.getByRole("button", { name: "Save" }).click();
  await thief.getByLabel("Login").fill("alice");
  await thief.getByLabel("Password", { exact: true }).fill("taken over by mallory");
  await thief.getByRole("button", { name: "Sign in" }).click();
  await thief.getByText("No messages yet").waitFor();
  await thief
    .getByRole("navigation", { name: "Main" })
    .getByRole("link", { name: "Email account" })
    .click();
  await thief.getByText("This account is sealed").waitFor();
  assert.deepEqual(await violations(thief), []);
  await screenshot(thief, "sealed-light");
  await thief.getByLabel(/^Password of/).fill("a guess");
  await thief.getByRole("button", { name: "Open the seal" }).click();
  await thief.getByText("The server refused the user name or password").waitFor();

  // Alice knows the mailbox's password.
  await thief.getByLabel(/^Password of/).fill(demo.state.mailPassword);
  await thief.getByRole("button", { name: "Open the seal" }).click();
  await thief.getByRole("region", { name: "Status" }).waitFor();
  await thief
    .getByRole("navigation", { name: "Main" })
    .getByRole("link", { name: "Inbox" })
    .click();
  await thief.getByText("Testing IMAP", { exact: true }).waitFor();
  // The notice was put into the mailbox itself, where a thief does not read it.
  await thief
    .getByText("Your sign-in to Waxseal was reset by somebody else", { exact: true })
    .waitFor();
});

test("the audit log tells who and what, to the hour, and nothing of the mail", async () => {
  await mallory.reload();
  const log = mallory.getByRole("region", { name: "Audit log" });
  await log.getByText("Mallory Moss reset a sign-in").first().waitFor();
  assert.doesNotMatch(await log.innerText(), /Testing IMAP|out\.example/);
  await screenshot(mallory, "audit-light");
});

async function takeLink(page: Page): Promise<string> {
  const dialog = page.getByRole("dialog", { name: "One-time link" });
  const link = await dialog.locator("code").innerText();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  return link;
}

/** RFC 6238, six digits, 30 s; `steps` from now. */
function totp(secret: string, steps: number): string {
  const bits = [...secret]
    .map((letter) =>
      "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0"),
    )
    .join("");
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const digest = createHmac("sha1", key).update(counter).digest();
  const offset = (digest.at(-1) ?? 0) & 15;
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

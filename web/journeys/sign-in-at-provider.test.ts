/** A mailbox that signs in at its provider: set up, button, consent, mail; taken back, alarm, sign in again, mail goes on. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { Demo, eventually, screenshot, violations } from "./support";

let demo: Demo;
let alice: Page;
const asked: string[] = [];

before(async () => {
  demo = await Demo.start("--without-account", "--sign-in");
});
after(() => demo.stop());

/** At the provider: whoever comes is let in under the login that stands there. */
async function allow(page: Page): Promise<void> {
  await page.waitForURL(`${demo.state.issuer}/**`);
  const password = page.getByPlaceholder("and password");
  if (await password.isVisible()) {
    await password.fill("anything");
    await page.getByRole("button", { name: "Sign-in" }).click();
  }
  const consent = page.getByRole("button", { name: "Continue" });
  await Promise.race([consent.waitFor(), page.waitForURL(`${demo.state.url}/**`)]);
  if (page.url().startsWith(demo.state.issuer)) await consent.click();
  await page.waitForURL(`${demo.state.url}/profile/email-account`);
}

test("a super-administrator sets the provider up", async () => {
  alice = await demo.signIn(await demo.context(), "alice");
  alice.on("request", (request) =>
    asked.push(`${request.url()} ${request.headers().referer ?? ""}`),
  );
  await alice.goto("/config/sign-in");
  await alice.getByText("/profile/signed-in").waitFor();
  const card = alice.getByRole("region", { name: "Add a provider" });
  await card.getByRole("combobox", { name: "Provider" }).click();
  await alice.getByRole("option", { name: "Another one" }).click();
  await card.getByLabel("Name").fill("ISP");
  await card.getByLabel("Issuer").fill("https://169.254.169.254");
  await card.getByLabel("Mail servers").fill("localhost");
  await card.getByLabel("Client id").fill("waxseal");
  await card.getByLabel("Client secret").fill("kumquat-client");
  await card.getByLabel("Scopes").fill("openid email");
  await card.getByRole("button", { name: "Save" }).click();
  await card.getByText("could not be reached").waitFor();
  await card.getByLabel("Issuer").fill(demo.state.issuer);
  await card.getByRole("button", { name: "Save" }).click();
  await alice.getByRole("region", { name: "ISP" }).waitFor();
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "sign-in-providers-light");
  await demo.inOtherLooks(alice, async (page, look) => {
    await page.goto("/config/sign-in");
    await page.getByRole("region", { name: "ISP" }).waitFor();
    assert.deepEqual(await violations(page), []);
    await screenshot(page, `sign-in-providers-${look}`);
  });
});

test("button, consent, back in the card, and mail arrives", async () => {
  await alice.goto("/profile/email-account");
  await alice.getByLabel("Email address").fill(demo.state.alice);
  await alice.getByRole("button", { name: "Continue" }).click();
  const imap = alice.getByRole("region", { name: "IMAP settings" });
  await imap.getByLabel("IMAP server").fill("localhost");
  await imap.getByLabel("IMAP port").fill(String(demo.state.imapsPort));
  await imap.getByRole("button", { name: "Save" }).click();
  await imap.getByText("Saved").waitFor();
  const tracking = alice.getByRole("region", { name: "Email tracking" });
  await tracking.getByLabel("Enable inbox processing").check({ force: true });
  await tracking.getByRole("button", { name: "Save" }).click();
  await tracking.getByText("Saved").waitFor();
  await alice
    .getByRole("region", { name: "Credentials" })
    .getByRole("button", { name: "ISP", exact: true })
    .click();
  await allow(alice);
  await alice.getByText(`Signed in at ISP as ${demo.state.alice}.`).waitFor();
  await alice.getByText("Connected", { exact: true }).waitFor();
  await screenshot(alice, "signed-in-at-provider-light");
  assert.deepEqual(await violations(alice), []);
  demo.deliver("Kelly Sanders <kelly@out.example>", "By a token", "It arrives.");
  await alice.getByRole("link", { name: "Inbox" }).click();
  await alice.getByText("By a token", { exact: true }).waitFor();
});

test("Test connection signs in with the token", async () => {
  await alice.goto("/profile/email-account");
  const imap = alice.getByRole("region", { name: "IMAP settings" });
  await imap.getByRole("button", { name: "Test connection" }).click();
  await imap.getByText("sent mail is in Sent").waitFor();
});

test("what was taken back raises an alarm, and after another sign-in mail goes on", async () => {
  await fetch(`${demo.state.issuer}/control/take-back?login=${demo.state.alice}`);
  const alarm = alice.getByRole("alert").filter({ hasText: "waits for you to sign in again" });
  await alarm.waitFor({ timeout: 60_000 });
  await screenshot(alice, "sign-in-again-light");
  await alarm.getByRole("link", { name: "Email account" }).click();
  await alice
    .getByRole("region", { name: "Status" })
    .getByText("Sign in again", { exact: true })
    .waitFor();
  demo.deliver("Kelly Sanders <kelly@out.example>", "Meanwhile", "It waited.");
  await alice.getByRole("button", { name: "Sign in again with ISP" }).click();
  await allow(alice);
  await alice.getByText("Connected", { exact: true }).waitFor();
  await eventually("the alarm is over", async () =>
    (await alarm.count()) === 0 ? true : undefined,
  );
  await alice.getByRole("link", { name: "Inbox" }).click();
  await alice.getByText("Meanwhile", { exact: true }).waitFor();
});

test("a code stands in no address of ours but the one it came back with, and in no Referer", () => {
  const ours = asked.filter((line) => line.startsWith(demo.state.url));
  const withCode = ours.filter((line) => /[?&]code=/.test(line));
  assert.ok(withCode.length > 0);
  assert.ok(
    withCode.every(
      (line) =>
        line.startsWith(`${demo.state.url}/profile/signed-in?`) && line.split(" ").length === 2,
    ),
    withCode.join("\n"),
  );
  assert.deepEqual(
    asked.filter((line) => /[?&](code|state)=/.test(line.split(" ")[1] ?? "")),
    [],
  );
});

test("an address that somebody else made leads nowhere", async () => {
  await alice.goto(
    "/profile/signed-in?code=x&state=made-up&redirect=https://evil.example&next=//evil.example",
  );
  await alice.getByText("You are not signed in").waitFor();
  assert.ok(alice.url().startsWith(demo.state.url));
  assert.ok(!alice.url().includes("code="));
});

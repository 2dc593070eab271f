/** What a sender or a server tries, as people meet it: images from outside, a sender that pretends, another certificate. */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { Demo, eventually, screenshot, violations } from "./support";

const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==",
  "base64",
);

let demo: Demo;
let alice: Page;
/** The sender's server, and what it was asked. */
let outside: Server;
const asked: { path: string; cookie?: string; referer?: string; agent?: string }[] = [];

before(async () => {
  outside = createServer((request, response) => {
    asked.push({
      path: request.url ?? "",
      cookie: request.headers.cookie,
      referer: request.headers.referer,
      agent: request.headers["user-agent"],
    });
    response.setHeader("Content-Type", "image/png").setHeader("Set-Cookie", "seen=1").end(PNG);
  });
  await new Promise<void>((ready) => outside.listen(0, "127.0.0.1", ready));
  demo = await Demo.start("--web-port", String((outside.address() as AddressInfo).port));
  alice = await demo.signIn(await demo.context(), "alice");
});
after(async () => {
  await demo.stop();
  outside.close();
});

const port = () => (outside.address() as AddressInfo).port;

function newsletter(subject: string, from = "Deals <deals@shop.example>"): void {
  const html = `<style>.box{background-color:#e8f3ea;padding:20px}</style><div class="box"><h2>Ten days of offers</h2><img src="http://127.0.0.1:${port()}/open.png?you=alice" width="40" height="40" alt=""><p>Pay at <a href="https://pay.shop-example.top/x">https://bank.example/login</a></p></div>`;
  demo.receive(
    "deals@shop.example",
    `From: ${from}\nTo: ${demo.state.alice}\nSubject: ${subject}\nMessage-ID: <${Date.now()}.${subject.length}@shop.example>\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n${html}\n`,
  );
}

const frame = () => alice.frameLocator("iframe.mail-frame");

test("an image from outside is loaded when asked for, by the server, and says nothing of the reader", async () => {
  newsletter("Offers of the week");
  await alice.getByText("Offers of the week", { exact: true }).click();
  await frame().getByText("Ten days of offers").waitFor();
  await alice.getByText("1 remote image blocked").waitFor();
  assert.equal(
    await frame()
      .locator(".box, div")
      .first()
      .evaluate((box) => getComputedStyle(box).backgroundColor),
    "rgb(232, 243, 234)",
    "the style sheet is kept",
  );
  await frame().getByText("[pay.shop-example.top]").waitFor();
  assert.deepEqual(asked, []);
  await screenshot(alice, "images-blocked-light");
  assert.deepEqual(await violations(alice), []);
  await demo.inOtherLooks(alice, async (page, name) => {
    await page.goto(alice.url());
    await page.getByText("1 remote image blocked").waitFor();
    await screenshot(page, `images-blocked-${name}`);
  });
  await alice.getByRole("button", { name: "Load images" }).click();
  await eventually("the image is asked for", () => asked[0]);
  assert.deepEqual(asked, [
    { path: "/open.png?you=alice", cookie: undefined, referer: undefined, agent: "Mozilla/5.0" },
  ]);
  await frame()
    .locator("img")
    .evaluate(
      (image: HTMLImageElement) =>
        image.complete || new Promise((done) => image.addEventListener("load", done)),
    );
  assert.ok(
    await frame()
      .locator("img")
      .evaluate((image: HTMLImageElement) => image.naturalWidth > 0),
    "it is shown",
  );
  assert.equal(await alice.getByText("1 remote image blocked").count(), 0);
});

test("always for this sender, until it is taken back", async () => {
  await alice.reload();
  await alice.getByRole("button", { name: "More about images" }).click();
  await alice.getByRole("menuitem", { name: "Always for deals@shop.example" }).click();
  await eventually("the image is loaded by itself", () => asked[1]);
  await alice.getByText("1 remote image blocked").waitFor({ state: "detached" });
  await alice.getByRole("button", { name: "More", exact: true }).first().click();
  await alice.getByRole("menuitem", { name: "Ask before loading this sender's images" }).click();
  await alice.getByText("1 remote image blocked").waitFor();
});

test("a sender that pretends is told, belongs to nobody, and has no images always", async () => {
  newsletter("Your invoice is due", '"billing@isp.example" <deals@shop.example>');
  await alice.getByText("Your invoice is due", { exact: true }).click();
  await alice.getByText("The sender's name is written like another address.").waitFor();
  await frame().getByText("Ten days of offers").waitFor();
  assert.equal(await alice.getByRole("button", { name: "More about images" }).count(), 0);
  await alice.getByRole("list", { name: "Messages" }).getByText("Not verified").first().waitFor();
  await screenshot(alice, "sender-in-doubt-light");
  assert.deepEqual(await violations(alice), []);
  await demo.inOtherLooks(alice, async (page, name) => {
    await page.goto(alice.url());
    await page.getByText("The sender's name is written like another address.").waitFor();
    await screenshot(page, `sender-in-doubt-${name}`);
  });
});

test("a certificate that nobody vouches for is shown, compared, and pinned", async () => {
  await alice.goto("/profile/email-account");
  const imap = alice.getByRole("region", { name: "IMAP settings" });
  await alice.getByLabel("Password", { exact: true }).fill(demo.state.mailPassword);
  // The same server under an address that its certificate is not for.
  await imap.getByLabel("IMAP server").fill("::ffff:127.0.0.1");
  await imap.getByRole("button", { name: "Test connection" }).click();
  await imap.getByText("The server's certificate was not accepted").waitFor();
  const fingerprint = await imap.locator(".fingerprint").first().innerText();
  assert.match(fingerprint, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  await screenshot(alice, "certificate-refused-light");
  await imap.getByRole("button", { name: "Pin this certificate" }).click();
  await imap.getByText("Only this certificate is accepted").waitFor();
  await imap.getByRole("button", { name: "Test connection" }).click();
  await imap.getByText("Signed in").waitFor();
  await imap.getByRole("button", { name: "Save" }).click();
  await imap.getByText("Saved").waitFor();
  await imap.getByText("Only this certificate is accepted").scrollIntoViewIfNeeded();
  await screenshot(alice, "certificate-pinned-light");
  assert.deepEqual(await violations(alice), []);
});

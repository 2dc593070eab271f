/** What is sent is what the composer shows; it opens at once on any line; whose words they are. */
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

const PICTURE =
  "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGM4YaMBRAwQCgAjXgSxbgN+HAAAAABJRU5ErkJggg==";
const composer = (page: Page) =>
  page.getByRole("dialog").filter({ has: page.getByRole("textbox", { name: "Message" }) });
const text = (page: Page) => composer(page).getByRole("textbox", { name: "Message" });
const saved = (page: Page) =>
  composer(page).locator(".saved").getByText("Saved", { exact: true }).waitFor();
const send = (page: Page) =>
  composer(page).getByRole("button", { name: "Send", exact: true }).click();
const rawOf = (subject: string) =>
  eventually(`${subject} has come`, () =>
    demo.mailbox("kelly").find((raw) => raw.includes(`Subject: ${subject}`)),
  );

async function begin(page: Page, subject: string) {
  await page.keyboard.press("c");
  await page.keyboard.type("kelly@out.example,");
  await composer(page).getByLabel("Subject").fill(subject);
  await text(page).click();
}

/** As a browser hands over what was copied. */
function paste(page: Page, name: string) {
  return text(page).evaluate(
    (field, { name, picture }) => {
      const bytes = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
      const data = new DataTransfer();
      data.items.add(new File([bytes], name, { type: "image/png" }));
      field.dispatchEvent(
        new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }),
      );
    },
    { name, picture: PICTURE },
  );
}

const names = (raw: string) =>
  [...raw.matchAll(/name="?([a-z]+\.(?:png|pdf))/g)].map(([, name]) => name);

test("a picture that was taken out does not go, one that replaces it does, and typing goes on after it", async () => {
  await begin(alice, "Pictures");
  await paste(alice, "removed.png");
  await text(alice).locator("img").waitFor();
  await text(alice).locator("img").click();
  await alice.keyboard.press("Delete");
  await text(alice).locator("img").waitFor({ state: "detached" });
  await paste(alice, "shown.png");
  await text(alice).locator("img").waitFor();
  await alice.keyboard.type("Below the picture");
  assert.equal(await text(alice).locator("img").count(), 1, "typing does not replace it");
  const shown = await text(alice).locator("img").count();
  await saved(alice);
  await screenshot(alice, "composer-picture-light");
  await send(alice);
  const raw = await rawOf("Pictures");
  assert.deepEqual(new Set(names(raw)), new Set(["shown.png"]));
  assert.equal(raw.match(/^Content-ID:/gim)?.length, shown, "as many as were shown");
  assert.ok(raw.includes("Below the picture"));
});

test("a table arrives with lines", async () => {
  await begin(alice, "Lines");
  await composer(alice).getByRole("button", { name: "Table" }).click();
  await alice.keyboard.type("one");
  await saved(alice);
  await send(alice);
  const raw = (await rawOf("Lines")).replaceAll(/=\r?\n/g, "").replaceAll("=3D", "=");
  assert.match(raw, /<td[^>]*style="[^"]*border:\s*1px solid/);
});

test("an answer carries the picture that it quotes", async () => {
  demo.receive(
    "kelly@out.example",
    `From: Kelly Moss <kelly@out.example>\nTo: alice@isp.example\nSubject: What the router shows\nMessage-ID: <shot-1@out.example>\nMIME-Version: 1.0\nContent-Type: multipart/related; boundary="rel1"\n\n--rel1\nContent-Type: text/html; charset=utf-8\n\n<p>It says this:</p><p><img src="cid:shot-1.png@out.example" width="2" height="2"></p><p>Kelly</p>\n--rel1\nContent-Type: image/png; name="shot.png"\nContent-ID: <shot-1.png@out.example>\nContent-Disposition: inline; filename="shot.png"\nContent-Transfer-Encoding: base64\n\n${PICTURE}\n--rel1--\n`,
  );
  // A list keeps its place while the pointer is on it.
  await alice.mouse.move(0, 0);
  await alice.goto("/inbox");
  await alice.getByText("What the router shows", { exact: true }).first().click();
  await alice
    .getByRole("region", { name: "Message" })
    .getByRole("heading", { name: "What the router shows" })
    .waitFor();
  await alice.keyboard.press("r");
  await alice.keyboard.type("I see it.");
  const picture = text(alice).locator("img");
  await picture.waitFor();
  assert.ok(
    await picture.evaluate(async (image: HTMLImageElement) =>
      image.decode().then(() => image.naturalWidth > 0),
    ),
    "it is seen in the editor",
  );
  await saved(alice);
  await send(alice);
  const raw = await rawOf("Re: What the router shows");
  const html = raw.replaceAll(/=\r?\n/g, "").replaceAll("=3D", "=");
  const named = /<img[^>]*src="cid:([^"]+)"/.exec(html)?.[1] ?? "";
  assert.ok(named && raw.includes(`Content-ID: <${named}>`), html);
  assert.ok(html.includes("I see it."), html);
});

test("on a slow line it opens at once, and nothing typed is lost or runs as a key", async () => {
  const slow = async (page: Page) => {
    await page
      .context()
      .route(/\/api\/v1\/(messages\/[^/]+\/answer|senders|drafts)|RichText/, async (route) => {
        await new Promise((wait) => setTimeout(wait, 1_500));
        await route.continue().catch(() => undefined);
      });
  };
  const context = await demo.context();
  const page = await demo.signIn(context, "alice");
  await page.getByText("Testing IMAP", { exact: true }).click();
  await page
    .getByRole("region", { name: "Message" })
    .getByRole("heading", { name: "Testing IMAP" })
    .waitFor();
  await slow(page);
  await page.keyboard.press("c");
  await page.keyboard.type("bob and pj#@out.example,");
  await composer(page).getByText("bob and pj#@out.example", { exact: true }).waitFor();
  assert.equal(await page.getByRole("dialog").count(), 1, "nothing else was opened");
  await composer(page).getByRole("button", { name: "Close" }).click();
  await page.keyboard.press("r");
  // It ends in a space, which HTML would not keep.
  await page.keyboard.type("Typed before the quotation, and ");
  await text(page).locator("blockquote").waitFor();
  await page.keyboard.type("after.");
  await text(page).getByText("Typed before the quotation, and after.").waitFor();
  await composer(page).getByText("Re: Testing IMAP").first().waitFor();
  await saved(page);
  await composer(page).getByRole("button", { name: "Delete draft" }).click();
  await undo(page, "Draft deleted");
  await text(page).getByText("Typed before the quotation, and after.").waitFor();
  await context.close();
});

test("on a slow machine no key is lost while the editor comes", async () => {
  const context = await demo.context();
  const page = await demo.signIn(context, "alice");
  await page.getByText("Testing IMAP", { exact: true }).click();
  await page
    .getByRole("region", { name: "Message" })
    .getByRole("heading", { name: "Testing IMAP" })
    .waitFor();
  const devtools = await context.newCDPSession(page);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: 12 });
  const typed = Array.from({ length: 24 }, (_, at) => `${at} `).join("");
  await page.keyboard.press("r");
  await page.keyboard.type(typed, { delay: 5 });
  await text(page).locator("blockquote").waitFor();
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: 1 });
  await text(page).getByText(typed.trim()).waitFor();
  await composer(page).getByRole("button", { name: "Delete draft" }).click();
  await context.close();
});

test("many recipients fold, several letters stand side by side", async () => {
  const [sender] = (await (await alice.request.get("/api/v1/senders")).json()) as {
    account_id: string;
  }[];
  const to = Array.from({ length: 90 }, (_, at) => ({ address: `person${at}@out.example` }));
  const made = await alice.request.post("/api/v1/drafts", {
    data: { account_id: sender?.account_id, to, subject: "Many", html: "<p>Dear all</p>" },
    headers: { origin: demo.state.url },
  });
  assert.ok(made.ok(), await made.text());
  await alice.goto("/drafts");
  await alice.getByRole("list", { name: "Drafts" }).getByText("Many").click();
  await composer(alice).getByRole("button", { name: "and 87 more" }).waitFor();
  await eventually("the text has its place", async () =>
    ((await text(alice).boundingBox())?.height ?? 0) > 150 ? true : undefined,
  );
  await composer(alice).getByRole("button", { name: "Put aside" }).click();
  await begin(alice, "Another");
  await alice.keyboard.type("Beside it.");
  await alice
    .getByRole("group", { name: "Open messages" })
    .getByRole("button", { name: "Many" })
    .waitFor();
  await saved(alice);
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "composers-light");
  await alice
    .getByRole("group", { name: "Open messages" })
    .getByRole("button", { name: "Many" })
    .click();
  await composer(alice).getByRole("button", { name: "and 87 more" }).waitFor();
  await screenshot(alice, "recipients-light");
  await demo.inOtherLooks(alice, async (page, name) => {
    await page.goto("/drafts");
    await page.getByRole("list", { name: "Drafts" }).getByText("Another").click();
    await text(page).waitFor();
    await composer(page).getByRole("button", { name: "Put aside" }).click();
    await page.getByRole("list", { name: "Drafts" }).getByText("Many").click();
    await text(page).waitFor();
    await page
      .getByRole("group", { name: "Open messages" })
      .getByRole("button", { name: "Another" })
      .waitFor();
    assert.deepEqual(await violations(page), [], name);
    await screenshot(page, `composers-${name}`);
  });
});

test("access ends while somebody writes: own words stay, others' go, and it is said why", async () => {
  const grant = async (grants: object[]) => {
    const [account] = (await (await alice.request.get("/api/v1/accounts")).json()) as {
      id: string;
    }[];
    const answer = await alice.request.put(`/api/v1/accounts/${account?.id}/grants`, {
      data: grants,
      headers: { origin: demo.state.url },
    });
    assert.ok(answer.ok(), await answer.text());
  };
  const bob = await demo.signIn(await demo.context(), "bob");
  const { id } = (await (await bob.request.get("/api/v1/session")).json()) as { id: string };
  await grant([{ administrator_id: id, level: "reply" }]);
  await bob.goto("/inbox");
  await bob.getByText("Testing IMAP", { exact: true }).click();
  await bob
    .getByRole("region", { name: "Message" })
    .getByRole("heading", { name: "Testing IMAP" })
    .waitFor();
  await bob.keyboard.press("r");
  await text(bob).locator("blockquote").waitFor();
  const quoted = (await text(bob).locator("blockquote").textContent()) ?? "";
  await bob.keyboard.type("My own words.");
  await saved(bob);
  await grant([]);
  await composer(bob).getByText("Your access to this account has ended.").waitFor();
  await text(bob).getByText("My own words.").waitFor();
  assert.ok(
    quoted.length > 0 && !(await bob.content()).includes(quoted.slice(0, 20)),
    "others' words are gone",
  );
  assert.ok(await composer(bob).getByRole("button", { name: "Copy the text" }).isVisible());
  assert.deepEqual(await violations(bob), []);
  await screenshot(bob, "access-ended-light");
  await bob.context().close();
});

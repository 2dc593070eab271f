/** The page in other languages: German whole, and one twice as long and one from right to left, in which nothing is cut. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { BrowserContext, Page } from "playwright-core";
import { Demo, screenshot } from "./support";

let demo: Demo;
let cookies: Awaited<ReturnType<BrowserContext["storageState"]>>["cookies"];

const PLACES = [
  "/inbox",
  "/drafts",
  "/outbox",
  "/customers",
  "/leads",
  "/profile",
  "/profile/email-account",
  "/administrators",
  "/config/email",
  "/config/sign-in",
];

before(async () => {
  demo = await Demo.start();
  const context = await demo.context();
  await demo.signIn(context, "alice");
  cookies = (await context.storageState()).cookies;
  await context.close();
});
after(() => demo.stop());

/** Alice, in a browser that has spoken this language. */
async function speaking(language: string, narrow = false): Promise<Page> {
  const context = await demo.context({ narrow });
  await context.addCookies(cookies);
  await context.addInitScript(
    (wanted) => localStorage.setItem("waxseal-language", wanted),
    language,
  );
  return context.newPage();
}

/** What sticks out of the page sideways. */
const width = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

for (const language of ["pseudo", "mirrored"]) {
  test(`nothing sticks out of a page: ${language}`, async () => {
    for (const narrow of [false, true]) {
      const page = await speaking(language, narrow);
      for (const place of PLACES) {
        await page.goto(place);
        await page.locator("main").waitFor();
        await page.waitForLoadState("networkidle");
        const name = `${language}${place.replaceAll("/", "-")}${narrow ? "-narrow" : ""}`;
        await screenshot(page, name);
        assert.ok((await width(page)) <= 0, `${name}: ${await width(page)} px too wide`);
      }
      await page.context().close();
    }
  });
}

test("every word of a page is of the catalogue", async () => {
  const page = await speaking("pseudo");
  const outside = new Set<string>();
  for (const place of PLACES) {
    await page.goto(place);
    await page.locator("main").waitFor();
    await page.waitForLoadState("networkidle");
    // Labels are the page's; what stands in rows and fields is of people.
    const labels = await page
      .locator("nav > a, nav > button, h1, h2, label, th, main button")
      .all();
    for (const label of labels) {
      const said = (await label.textContent())?.trim() ?? "";
      // Abbreviations such as SSL are the same everywhere.
      const isWord = /[A-Za-z]{2}/.test(said) && said !== said.toUpperCase();
      if (isWord && !said.includes("[")) outside.add(`${place}: ${said}`);
    }
  }
  await page.context().close();
  assert.deepEqual([...outside], []);
});

test("the language is the profile's, on every device", async () => {
  const context = await demo.context();
  await context.addCookies(cookies);
  const page = await context.newPage();
  await page.goto("/profile");
  await page.getByLabel("Language", { exact: true }).click();
  await page.getByRole("option", { name: "Deutsch" }).click();
  await page.getByRole("button", { name: "Save" }).first().click();
  await page.getByRole("link", { name: "Posteingang" }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), "de");
  const elsewhere = await demo.context();
  await elsewhere.addCookies(cookies);
  const other = await elsewhere.newPage();
  for (const place of PLACES) {
    await other.goto(place);
    await other.getByRole("link", { name: "Posteingang" }).waitFor();
    await other.waitForLoadState("networkidle");
    await screenshot(other, `german${place.replaceAll("/", "-")}`);
  }
  await elsewhere.close();
  await page.goto("/profile");
  await page.getByLabel("Sprache", { exact: true }).click();
  await page.getByRole("option", { name: "English" }).click();
  await page.getByRole("button", { name: "Speichern" }).first().click();
  await page.getByRole("link", { name: "Inbox" }).waitFor();
  await context.close();
});

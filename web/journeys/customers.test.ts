/** Unknown authors become customers, are paired or blocked, each with its undo; mail stands where the customer is. */
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

const message = () => alice.getByRole("region", { name: "Message" });
const rows = () => alice.getByRole("list", { name: "Messages" });

test("an unknown author is added as a customer, filled in", async () => {
  await rows().getByText("Router keeps restarting", { exact: true }).click();
  await message().getByRole("button", { name: "Add customer" }).click();
  const dialog = alice.getByRole("dialog", { name: "Add customer" });
  assert.equal(await dialog.getByLabel("Name").inputValue(), "John Doe");
  await dialog.getByText("john.doe@out.example").waitFor();
  await dialog.getByRole("button", { name: "Save" }).click();
  await message().getByRole("link", { name: "John Doe" }).waitFor();
  await undo(alice, "John Doe added");
  await message().getByText("Author not found").waitFor();
  await message().getByRole("button", { name: "Add customer" }).click();
  await dialog.getByLabel("Number or login").fill("100042");
  await dialog.getByRole("button", { name: "Save" }).click();
  await message().getByRole("link", { name: "John Doe" }).click();
  await alice.getByRole("heading", { name: /John Doe/ }).waitFor();
  const thread = alice.getByRole("region", { name: "Thread" });
  await thread.getByText("the light goes red every ten minutes").waitFor();
  await thread.getByRole("button", { name: /Who can see this/ }).waitFor();
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "customer-light");
});

test("an author is paired to a customer, taken back, and paired again", async () => {
  await alice.keyboard.press("g");
  await alice.keyboard.press("c");
  await alice.getByRole("button", { name: "Add customer" }).click();
  const form = alice.getByRole("dialog", { name: "Add customer" });
  await form.getByRole("button", { name: "Save" }).click();
  await form.getByText("A name is expected.").waitFor();
  await form.getByLabel("Name").fill("Sanders Ltd");
  await form.getByRole("button", { name: "Save" }).click();
  await alice.getByText("Add an email address under Information").waitFor();
  await alice
    .getByRole("navigation", { name: "Main" })
    .getByRole("link", { name: "Inbox" })
    .click();
  await rows().getByText("Re: payment account", { exact: true }).click();
  await message().getByRole("heading", { name: "Re: payment account" }).waitFor();
  for (const undone of [true, false]) {
    await alice.keyboard.press("p");
    const dialog = alice.getByRole("dialog", { name: "Pair to a customer or lead" });
    await dialog.getByText("Everyone who can open it will see this address").waitFor();
    await dialog.getByPlaceholder("Search name, number, address").fill("sand");
    await dialog.getByText("John Doe").waitFor({ state: "detached" });
    if (undone) await screenshot(alice, "pair-light");
    await dialog.getByRole("button", { name: "Pair" }).click();
    await message().getByRole("link", { name: "Sanders Ltd" }).waitFor();
    if (undone) {
      await undo(alice, "belongs to Sanders Ltd");
      await message().getByText("Author not found").waitFor();
    }
  }
  await message().getByRole("link", { name: "Sanders Ltd" }).click();
  const list = alice.getByRole("list", { name: "Communication" });
  await list.getByText("Last contacted").first().waitFor();
  // Both directions: what Alice wrote from her own mail program is there too.
  const thread = alice.getByRole("region", { name: "Thread" });
  await thread.getByText("Alice Adams").first().waitFor();
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "communication-light");
});

test("a sender is blocked with what is here of it, and taken back", async () => {
  await alice
    .getByRole("navigation", { name: "Main" })
    .getByRole("link", { name: "Inbox" })
    .click();
  await rows().getByText("Your weekly newsletter", { exact: true }).click();
  await message().getByRole("heading", { name: "Your weekly newsletter" }).waitFor();
  await alice.keyboard.press("b");
  const dialog = alice.getByRole("dialog", { name: "Block email" });
  await dialog.getByLabel(/and its subdomains$/).check();
  await dialog.getByLabel("Also delete 1 message that is here").check();
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "block-light");
  await dialog.getByRole("button", { name: "Block" }).click();
  await rows().getByText("Your weekly newsletter", { exact: true }).waitFor({ state: "detached" });
  await undo(alice, "Blocked");
  await rows().getByText("Your weekly newsletter", { exact: true }).waitFor();
  await alice.keyboard.press("g");
  await alice.keyboard.press("e");
  await alice.getByLabel("Deny list").waitFor();
  assert.equal((await alice.getByLabel("Deny list").inputValue()).trim(), "*.spam.example");
});

test("a CRM keeps records by a token, and links to them", async () => {
  await alice.getByRole("link", { name: "Administrators" }).click();
  await alice.getByRole("button", { name: "Make a token" }).click();
  const dialog = alice.getByRole("dialog", { name: "Make a token" });
  await dialog.getByLabel("Name").fill("CRM");
  await dialog.getByRole("button", { name: "Make a token" }).click();
  await dialog.getByText("Copy it now").waitFor();
  const token = await dialog.locator("code").innerText();
  const put = await fetch(`${demo.state.url}/api/v1/crm/parties/c-77`, {
    method: "PUT",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({
      kind: "customer",
      name: "Олена Коваленко",
      number: "77",
      phone: "",
      status: "Active",
      notes: "",
      addresses: ["olena@kyiv.example"],
    }),
  });
  assert.equal(put.status, 200, await put.text());
  await alice.goto("/p/c-77/communication");
  await alice.getByRole("heading", { name: /Олена Коваленко/ }).waitFor();
  await alice
    .getByRole("list", { name: "Communication" })
    .getByText("Переїзд на нову адресу")
    .waitFor();
  await alice.goto("/p/nobody/communication");
  await alice.getByText("No customer or lead has the external id nobody.").waitFor();
  await alice.goto("/administrators");
  await alice.getByRole("region", { name: "API tokens" }).getByText("used").waitFor();
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "tokens-light");
});

test("a colleague opens the same customer and learns nothing of the mail", async () => {
  const bob = await demo.signIn(await demo.context(), "bob");
  await bob.getByRole("link", { name: "Customers" }).click();
  await bob.getByPlaceholder("Search name, number, address").fill("100042");
  await bob.getByRole("button", { name: "John Doe" }).click();
  await bob.getByText("No messages yet").waitFor();
  await bob.getByText("john.doe@out.example").waitFor();
  await screenshot(bob, "customer-colleague-light");
});

test("a conversation is read: quotes folded, next and done, two threads made one and taken apart", async () => {
  demo.deliver(
    "John Doe <john.doe@out.example>",
    "Cable colour",
    "Which cable is the right one?\n\nOn 1 May 2026, Alice <alice@isp.example> wrote:\n\n> The red one.\n\n-- \nJohn",
  );
  await alice.goto("/inbox");
  await rows().getByText("Cable colour", { exact: true }).waitFor();
  await rows().locator(".row", { hasText: "Cable colour" }).getByText("Which cable").click();
  await message().getByText("Which cable is the right one?").waitFor();
  assert.equal(await message().getByText("The red one.").isVisible(), false);
  await message().locator("summary").first().click();
  await message().getByText("The red one.").waitFor();
  await message().getByRole("button", { name: "Next" }).click();
  await message().getByRole("heading", { name: "Cable colour" }).waitFor({ state: "detached" });
  await message().getByRole("button", { name: "Previous" }).click();
  await message().getByRole("heading", { name: "Cable colour" }).waitFor();
  await message().getByRole("button", { name: "Done" }).click();
  await message().getByRole("heading", { name: "Cable colour" }).waitFor({ state: "detached" });

  await alice.getByRole("link", { name: "Customers" }).click();
  await alice.getByRole("button", { name: "John Doe" }).click();
  const list = alice.getByRole("list", { name: "Communication" });
  await list.getByText("Cable colour").click();
  const thread = alice.getByRole("region", { name: "Thread" });
  await thread.getByRole("button", { name: "More" }).click();
  await alice.getByRole("menuitem", { name: "Print" }).click();
  await alice
    .frameLocator("iframe[title=Print]")
    .getByText("Which cable is the right one?")
    .waitFor({ state: "attached" });
  await thread.getByRole("button", { name: "More" }).click();
  await alice.getByRole("menuitem", { name: "Merge into another conversation" }).click();
  const dialog = alice.getByRole("dialog", { name: "Merge into another conversation" });
  await dialog.getByRole("button", { name: "Merge" }).click();
  await list.getByRole("button").nth(1).waitFor({ state: "detached" });
  await thread.getByText("the light goes red").first().waitFor();
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "merged-light");
  await undo(alice, "Conversations merged");
  await list.getByText("Cable colour").waitFor();
  await alice.getByLabel("Search in these conversations").fill("colour");
  await list.getByText("Router keeps restarting").waitFor({ state: "detached" });
  await alice.getByLabel("Search in these conversations").fill("");
});

test("an address on two records is nobody's until somebody says whose", async () => {
  await alice.goto("/customers");
  await alice.getByRole("button", { name: "Add customer" }).click();
  const form = alice.getByRole("dialog", { name: "Add customer" });
  await form.getByLabel("Name").fill("Doe Farm");
  await form.getByLabel("Email addresses").fill("john.doe@out.example");
  await alice.keyboard.press("Enter");
  await form.getByRole("button", { name: "Save" }).click();
  await alice.getByRole("list", { name: "Communication" }).getByText("Cable colour").waitFor();
  await alice.goto("/inbox");
  await rows().locator(".row", { hasText: "Cable colour" }).getByText("Which cable").click();
  await message().getByText("On several records").waitFor();
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "ambiguous-light");
  await message()
    .getByRole("group", { name: "Whose is this conversation?" })
    .getByRole("button", { name: "Doe Farm" })
    .click();
  await message().getByText("On several records").waitFor({ state: "detached" });
  await undo(alice, "This conversation is Doe Farm's");
  await message().getByText("On several records").waitFor();
});

test("a file of customers is looked at before it is taken", async () => {
  await alice.goto("/leads");
  await alice.getByRole("button", { name: "Import" }).first().click();
  const dialog = alice.getByRole("dialog", { name: "Import" });
  const csv = "name;email;colour\nLéna Lead;lena@out.example;red\nBroken;not an address;\n";
  await dialog
    .locator("input[type=file]")
    .setInputFiles({ name: "leads.csv", mimeType: "text/csv", buffer: Buffer.from(csv, "latin1") });
  await dialog.getByText("Read as windows-1252: “Léna Lead”").waitFor();
  await dialog.getByText("1 new, 0 changed, 0 as they are").waitFor();
  await dialog.getByText("1 line cannot be taken").waitFor();
  await dialog.getByText("these columns mean nothing here: colour").waitFor();
  assert.deepEqual(await violations(alice), []);
  await screenshot(alice, "import-light");
  await dialog.getByRole("button", { name: "Import them" }).click();
  await alice.getByRole("button", { name: "Léna Lead" }).waitFor();
});

test("a new line of the deny list says what it would have kept out", async () => {
  await alice.goto("/profile/email-account");
  await alice.getByLabel("Deny list").fill("*.spam.example\nout.example\n");
  await alice
    .getByRole("list", { name: "Would be kept out" })
    .getByText(/out.example: \d+ messages of the last 90 days/)
    .waitFor();
  await screenshot(alice, "deny-preview-light");
});

test("dark and narrow are designed too", async () => {
  await demo.inOtherLooks(alice, async (page, name) => {
    await page.goto("/customers");
    await page.getByRole("button", { name: "Sanders Ltd" }).waitFor();
    assert.deepEqual(await violations(page), [], name);
    await screenshot(page, `customers-${name}`);
    await page.getByRole("button", { name: "Sanders Ltd" }).click();
    await page.getByRole("list", { name: "Communication" }).getByRole("button").first().click();
    await page.getByRole("region", { name: "Thread" }).waitFor();
    await page.getByRole("region", { name: "Message" }).waitFor();
    assert.deepEqual(await violations(page), [], name);
    await screenshot(page, `communication-${name}`);
  });
});

/** What a message brings: files within other encodings, an invitation, a contact that becomes a lead, two names of one file. */
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

const WINMAIL =
  "eJ8+IgEAAQaQCAAEAAAAAAABAAEAAQeQBgAIAAAA5AQAAAAAAADoAAEDkAYAdAAAAAEAAAAfAAAQAQAAAGQAAABUAGgAZQAgAG8AZgBmAGUAcgAgAGEAbgBkACAAYQAgAHAAaQBjAHQAdQByAGUAIABvAGYAIAB0AGgAZQAgAGIAbwB4ACwAIABmAHIAbwBtACAATwB1AHQAbABvAG8AawAuAAAA0hECApAGAA4AAAAAAAAAAAAAAAAAAAAAAAAAAhCAAQAKAAAAb2ZmZXIucGRmAHoDAg+ABgAOAAAAJVBERi0xLjQgb2ZmZXLxAw==";
const reading = (page: Page) => page.getByRole("region", { name: "Message", exact: true });
const mail = (subject: string, body: string) =>
  `From: Kelly Moss <kelly@out.example>\nTo: alice@isp.example\nSubject: ${subject}\nMessage-ID: <${subject.replaceAll(" ", "-")}@out.example>\nMIME-Version: 1.0\n${body}`;
const mixed = (...parts: string[]) =>
  `Content-Type: multipart/mixed; boundary=b\n\n${parts.map((part) => `--b\n${part}\n`).join("")}--b--\n`;

async function open(page: Page, subject: string) {
  // A list keeps its place while the pointer is on it.
  await page.mouse.move(0, 0);
  await page.goto("/inbox");
  await page.getByText(subject, { exact: true }).first().click();
  await reading(page).getByRole("heading", { name: subject }).waitFor();
}

const contents = (page: Page, name: string) =>
  eventually(`${name} is a file`, async () => {
    const url = await reading(page).locator(`a.file[download="${name}"]`).getAttribute("href");
    return url ? page.evaluate(async (url) => (await fetch(url)).text(), url) : undefined;
  });

test("files within winmail.dat and uuencode are files of the message", async () => {
  demo.receive(
    "kelly@out.example",
    mail(
      "From Outlook",
      mixed(
        `Content-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n${WINMAIL}`,
      ),
    ),
  );
  demo.receive(
    "kelly@out.example",
    mail("From Unix", "\nThe reading is attached.\n\nbegin 644 reading.txt\n#0V%T\n`\nend\n"),
  );
  await open(alice, "From Outlook");
  await reading(alice).getByText("The offer and a picture of the box, from Outlook.").waitFor();
  assert.equal(await contents(alice, "offer.pdf"), "%PDF-1.4 offer");
  assert.equal(await reading(alice).getByText("winmail.dat").count(), 0);
  await open(alice, "From Unix");
  await reading(alice).getByText("The reading is attached.").waitFor();
  assert.equal(await contents(alice, "reading.txt"), "Cat");
  assert.equal(await reading(alice).getByText("begin 644").count(), 0);
});

const INVITE =
  "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nSUMMARY:Installing the fibre\nDTSTART;TZID=Europe/Berlin:20261102T100000\nDTEND;TZID=Europe/Berlin:20261102T113000\nLOCATION:Main Street 1\\, Hof\nORGANIZER;CN=Kelly Moss:mailto:kelly@out.example\nATTENDEE;CN=Alice;PARTSTAT=ACCEPTED:mailto:alice@isp.example\nATTENDEE:mailto:bob@isp.example\nEND:VEVENT\nEND:VCALENDAR";
const CARD =
  "BEGIN:VCARD\nVERSION:3.0\nFN:Jan Sanders\nORG:Out Inc.\nEMAIL:jan@out.example\nTEL:+49 1 23\nADR:;;Main Street 1;Hof;;95028;Germany\nEND:VCARD";

test("an invitation says when, where and who, and a contact becomes a lead", async () => {
  demo.receive(
    "kelly@out.example",
    mail(
      "Who and when",
      mixed(
        "Content-Type: text/plain\n\nSee you there.",
        `Content-Type: text/calendar; method=REQUEST\n\n${INVITE}`,
        `Content-Type: text/vcard; name=jan.vcf\n\n${CARD}`,
        "Content-Type: application/pdf; name=report.pdf\nContent-Disposition: attachment; filename=run.exe\n\nx",
      ),
    ),
  );
  await open(alice, "Who and when");
  const invitation = reading(alice).getByRole("region", { name: "Invitation" });
  await invitation.getByText("Installing the fibre").waitFor();
  const said = await invitation.innerText();
  for (const words of [
    "10:00 - 11:30 (Europe/Berlin)",
    "2026",
    "Main Street 1, Hof",
    "Kelly Moss (invites)",
    "Alice (comes)",
    "bob@isp.example",
  ])
    assert.ok(said.includes(words), `${words}: ${said}`);
  await reading(alice).getByText("also called report.pdf").waitFor();
  await screenshot(alice, "enclosed-light");
  assert.deepEqual(await violations(alice), []);
  await demo.inOtherLooks(alice, async (page, name) => {
    await open(page, "Who and when");
    await reading(page).getByRole("region", { name: "Contact" }).getByText("Jan Sanders").waitFor();
    await screenshot(page, `enclosed-${name}`);
    assert.deepEqual(await violations(page), [], name);
  });
  await reading(alice)
    .getByRole("region", { name: "Contact" })
    .getByRole("button", { name: "Add lead" })
    .click();
  const form = alice.getByRole("dialog");
  await eventually("the form is filled in", async () =>
    (await form.getByLabel("Name", { exact: true }).inputValue()) === "Jan Sanders"
      ? true
      : undefined,
  );
  assert.equal(await form.getByLabel("Phone").inputValue(), "+49 1 23");
  await form.getByText("jan@out.example").waitFor();
  await screenshot(alice, "contact-to-lead-light");
  await form.getByRole("button", { name: "Save" }).click();
  await alice.getByText("Jan Sanders added").waitFor();
  await undo(alice, "Jan Sanders added");
});

test("encrypted mail says with what", async () => {
  demo.receive(
    "kelly@out.example",
    mail(
      "Sealed",
      'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b\n\n--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b\nContent-Type: application/octet-stream\n\n-----BEGIN PGP MESSAGE-----\n--b--\n',
    ),
  );
  await open(alice, "Sealed");
  await reading(alice).getByText("encrypted with OpenPGP").waitFor();
});

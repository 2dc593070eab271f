/** What became of what was sent, as the other side says it later: on the message that it is about. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { Demo, eventually, screenshot, violations } from "./support";

let demo: Demo;
let alice: Page;

before(async () => {
  demo = await Demo.start();
  alice = await demo.signIn(await demo.context(), "alice");
});
after(() => demo.stop());

const composer = () =>
  alice.getByRole("dialog").filter({ has: alice.getByRole("textbox", { name: "Message" }) });
const message = () => alice.getByRole("region", { name: "Message", exact: true });

/** Sends it, and gives the Message-ID under which it went. */
async function send(subject: string): Promise<string> {
  await alice.goto("/inbox");
  await alice.getByRole("button", { name: "Write", exact: true }).click();
  await composer().getByRole("combobox", { name: "To" }).fill("kelly@out.example");
  await alice.keyboard.press("Enter");
  await composer().getByLabel("Subject").fill(subject);
  await composer().getByRole("textbox", { name: "Message" }).fill("Your line is up.");
  await alice.keyboard.press("Control+Enter");
  return eventually(`${subject} arrives`, () => {
    const raw = demo.mailbox("kelly").find((raw) => raw.includes(`Subject: ${subject}`));
    return Promise.resolve(/^Message-ID: *(<[^>]+>)/im.exec(raw ?? "")?.[1]);
  });
}

/** A report of three parts, the last of which returns the header of what it is about. */
const report = (kind: string, fields: string, id: string, text: string) =>
  demo.receive(
    "postmaster@out.example",
    `From: Mail Delivery System <postmaster@out.example>
To: alice@isp.example
Subject: Mail delivery
Message-ID: <${kind}-${id.slice(1, -1)}>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=${kind}; boundary=b

--b

${text}
--b
Content-Type: message/${kind}

${fields}
--b
Content-Type: text/rfc822-headers

From: alice@isp.example
To: kelly@out.example
Message-ID: ${id}
--b--
`,
  );

const status = (action: string, code: string, said: string) =>
  `Reporting-MTA: dns; mx.out.example\n\nFinal-Recipient: rfc822; kelly@out.example\nAction: ${action}\nStatus: ${code}\nDiagnostic-Code: smtp; ${said}\n`;

async function openSent(subject: string) {
  await alice.goto("/outbox");
  await alice.getByText(subject, { exact: true }).waitFor();
}

test("what is late says so and is not failed; what comes back says who and why", async () => {
  const id = await send("About your line");
  report("delivery-status", status("delayed", "4.4.1", "connection timed out"), id, "Delayed.");
  await openSent("About your line");
  await alice.getByText("Not yet delivered to kelly@out.example").waitFor();
  await alice.getByText("Their server could not be reached.").waitFor();
  assert.equal(await alice.getByText("Came back from kelly@out.example").count(), 0);
  await screenshot(alice, "outbox-late-light");
  report("delivery-status", status("failed", "5.2.2", "552 mailbox full"), id, "Failed.");
  await alice.getByText("Came back from kelly@out.example").waitFor();
  await alice.getByText("The mailbox is full.").waitFor();
  assert.equal(await alice.getByText("Not yet delivered to kelly@out.example").count(), 0);
  assert.deepEqual(await violations(alice), []);
});

test("a complaint is told on the letter that it is about", async () => {
  const id = await send("Our new tariffs");
  report(
    "feedback-report",
    "Feedback-Type: abuse\nUser-Agent: Out/1\nVersion: 1\nOriginal-Rcpt-To: kelly@out.example\n",
    id,
    "This is an abuse report.",
  );
  await openSent("Our new tariffs");
  await alice.getByText("kelly@out.example reported it as unwanted mail.").waitFor();
  await screenshot(alice, "outbox-complained-light");
});

test("a letter that is shown wrongly is read in another encoding, for as long as it is open", async () => {
  // Cyrillic of Windows, said to be that of Unix: every byte is a letter in both.
  demo.receive(
    "kelly@out.example",
    `From: kelly@out.example\nTo: alice@isp.example\nSubject: In Cyrillic\nMessage-ID: <cyrillic@out.example>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: quoted-printable\n\n=CB=E8=ED=E8=FF =F0=E0=E1=EE=F2=E0=E5=F2, =F1=EF=E0=F1=E8=E1=EE.\n`,
  );
  await alice.goto("/inbox");
  await alice.getByText("In Cyrillic", { exact: true }).first().click();
  await message().getByRole("heading", { name: "In Cyrillic" }).waitFor();
  assert.equal(await message().getByText("Линия работает").count(), 0);
  await message().getByRole("button", { name: "More" }).click();
  await alice.getByRole("menuitem", { name: "Other encoding" }).click();
  await alice.getByRole("combobox", { name: "Written in" }).fill("Cyrillic (W");
  await alice.keyboard.press("ArrowDown");
  await alice.keyboard.press("Enter");
  await message().getByText("Линия работает, спасибо.").waitFor();
  await screenshot(alice, "other-encoding-light");
  assert.deepEqual(await violations(alice), []);
  await message().getByRole("button", { name: "Show as sent" }).click();
  await message().getByText("Линия работает").waitFor({ state: "detached" });
});

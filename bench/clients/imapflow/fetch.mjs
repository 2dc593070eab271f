// `fetch.mjs PORT USER PASSWORD AUTHORITY.pem`: every message of INBOX over TLS, parsed, counted and dropped.
import { readFileSync } from "node:fs";
import { ImapFlow } from "imapflow";
import { simpleParser } from "mailparser";

const [port, user, pass, authority] = process.argv.slice(2);
const client = new ImapFlow({ host: "localhost", port: Number(port), secure: true, auth: { user, pass }, tls: { ca: readFileSync(authority) }, logger: false, disableCompression: true });
await client.connect();
await client.mailboxOpen("INBOX", { readOnly: true });
let messages = 0;
for await (const message of client.fetch("1:*", { uid: true, flags: true, source: true })) {
  await simpleParser(message.source);
  messages += 1;
}
await client.logout();
console.log(messages);

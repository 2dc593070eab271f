import { NumberInput, Select, Switch, TextInput } from "@mantine/core";
import { IconSend } from "@tabler/icons-react";
import { useState } from "react";
import { Field } from "../../components/Field";
import { api, type Schemas, unwrap } from "../../client";
import { Card } from "./Card";
import type { Draft } from "./EmailAccount";
import { useSave } from "./useSave";

const EMPTY: Schemas["SmtpCard"] = { enabled: false, server: "", port: 587, security: "starttls", auth: "plain", reply_to: null, use_system: false, local_domain: null, username: null };

export function SmtpCard({ account, draft }: { account: Schemas["AccountView"]; draft: Draft }) {
  const preset = draft.preset && { ...EMPTY, server: draft.preset.smtp_server, port: draft.preset.smtp_port, security: draft.preset.smtp_security };
  const [form, setForm] = useState<Schemas["SmtpCard"]>(account.smtp ?? preset ?? EMPTY);
  const set = (part: Partial<typeof form>) => setForm({ ...form, ...part });
  const { wrong, error, card } = useSave(() => unwrap(api.PUT("/api/v1/accounts/{id}/smtp", { params: { path: { id: account.id } }, body: form })));
  return (
    <Card title="SMTP settings" icon={<IconSend size={19} stroke={1.6} />} summary="Sending is not available yet" error={error} {...card} open={false}>
      <div className="notice" style={{ marginBottom: 14 }}>Sending comes later. These settings are kept until then.</div>
      <Field label="Enable sending" htmlFor="smtp-enabled"><Switch id="smtp-enabled" mt={6} checked={form.enabled} onChange={(event) => set({ enabled: event.target.checked })} /></Field>
      <Field label="Reply to" htmlFor="reply-to" wrong={wrong.reply_to}><TextInput id="reply-to" type="email" value={form.reply_to ?? ""} onChange={(event) => set({ reply_to: event.target.value || null })} /></Field>
      <Field label="Use system SMTP" htmlFor="use-system"><Switch id="use-system" mt={6} checked={form.use_system} onChange={(event) => set({ use_system: event.target.checked })} /></Field>
      <Field label="SMTP server" htmlFor="smtp-server" wrong={wrong.server}><TextInput id="smtp-server" placeholder="smtp.example.org" value={form.server} onChange={(event) => set({ server: event.target.value })} /></Field>
      <Field label="SMTP port" htmlFor="smtp-port" wrong={wrong.port}><NumberInput id="smtp-port" min={1} max={65535} allowDecimal={false} hideControls value={form.port} onChange={(port) => set({ port: Number(port) || 0 })} /></Field>
      <Field label="SMTP security mode" htmlFor="smtp-security"><Select id="smtp-security" allowDeselect={false} value={form.security} onChange={(security) => set({ security: security ?? "starttls" })} data={[{ value: "none", label: "None" }, { value: "starttls", label: "TLS (STARTTLS)" }, { value: "tls", label: "SSL" }]} /></Field>
      <Field label="SMTP authentication type" htmlFor="smtp-auth"><Select id="smtp-auth" allowDeselect={false} value={form.auth} onChange={(auth) => set({ auth: auth ?? "plain" })} data={[{ value: "none", label: "None" }, { value: "plain", label: "Plain" }, { value: "login", label: "Login" }, { value: "cram-md5", label: "CRAM-MD5" }, { value: "xoauth2", label: "XOAUTH2" }]} /></Field>
      <Field label="Set local domain" htmlFor="local-domain" wrong={wrong.local_domain}><TextInput id="local-domain" value={form.local_domain ?? ""} onChange={(event) => set({ local_domain: event.target.value || null })} /></Field>
    </Card>
  );
}

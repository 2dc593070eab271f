import { Button, NumberInput, PasswordInput, Select, Switch, Textarea, TextInput } from "@mantine/core";
import { IconSend } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Field } from "../../components/Field";
import { api, fieldsOf, messageOf, type Schemas, unwrap } from "../../client";
import { texts } from "../../texts";
import { StateLabel } from "../outbox/Outbox";
import { Card } from "./Card";
import { CertificateField } from "./Certificate";
import type { Draft } from "./EmailAccount";
import { Result } from "./Result";
import { useSave } from "./useSave";

const DEFAULT_PORTS: Record<string, number> = { tls: 465, starttls: 587, none: 25 };
const EMPTY: Schemas["SmtpCard"] = { enabled: false, server: "", port: 587, security: "starttls", pinned_certificate: null, auth: "plain", reply_to: null, use_system: false, local_domain: null, username: null, limit_per_hour: 0 };

export function SmtpCard({ account, draft }: { account: Schemas["AccountView"]; draft: Draft }) {
  const preset = draft.preset && { ...EMPTY, server: draft.preset.smtp_server, port: draft.preset.smtp_port, security: draft.preset.smtp_security };
  const [form, setForm] = useState<Schemas["SmtpCard"]>(account.smtp ?? preset ?? EMPTY);
  const [password, setPassword] = useState("");
  const set = (part: Partial<typeof form>) => setForm({ ...form, ...part });
  const path = { params: { path: { id: account.id } } };
  const { wrong: saveWrong, error, card } = useSave(() => unwrap(api.PUT("/api/v1/accounts/{id}/smtp", { ...path, body: { ...form, password: password || null } })));
  const test = useMutation({ mutationFn: () => unwrap(api.POST("/api/v1/accounts/{id}/smtp/test", { ...path, body: { ...form, password: password || null } })) });
  const system = useQuery({ queryKey: ["accounts", account.id, "system-smtp"], queryFn: () => unwrap(api.GET("/api/v1/accounts/{id}/system-smtp", path)) });
  const wrong = { ...fieldsOf(test.error), ...saveWrong };
  const failed = test.isError && Object.keys(fieldsOf(test.error)).length === 0 ? messageOf(test.error) : undefined;
  const pin = (pinned_certificate: string) => {
    set({ pinned_certificate });
    test.reset();
  };
  // Ports follow the mode only while they are at a default.
  const setSecurity = (security: string) => set({ security, port: Object.values(DEFAULT_PORTS).includes(form.port) ? (DEFAULT_PORTS[security] ?? form.port) : form.port });
  const locked = form.use_system;
  const shown = locked && system.data ? { ...form, ...system.data } : form;
  return (
    <Card title="SMTP settings" icon={<IconSend size={19} stroke={1.6} />} summary={account.smtp?.enabled ? (account.smtp.use_system ? "System" : account.smtp.server) : "Off"} error={error} {...card} open={Boolean(account.smtp)}
      extra={!locked && <Button variant="default" loading={test.isPending} onClick={() => test.mutate()}>{texts.testConnection}</Button>}>
      <Field label="Enable sending" htmlFor="smtp-enabled"><Switch id="smtp-enabled" mt={6} checked={form.enabled} onChange={(event) => set({ enabled: event.target.checked })} /></Field>
      <Field label="Reply to" htmlFor="reply-to" wrong={wrong.reply_to} hint="Where answers go, if not to this account."><TextInput id="reply-to" type="email" value={form.reply_to ?? ""} onChange={(event) => set({ reply_to: event.target.value || null })} /></Field>
      <Field label="Use system SMTP" htmlFor="use-system" wrong={wrong.use_system} hint={systemHint(system.data, form.use_system)}><Switch id="use-system" mt={6} disabled={!system.data && !form.use_system} checked={form.use_system} onChange={(event) => set({ use_system: event.target.checked })} /></Field>
      {account.smtp?.use_system && system.data?.is_agreed === false && <div role="alert" className="notice">{texts.systemServerChanged}</div>}
      <Field label="SMTP server" htmlFor="smtp-server" wrong={wrong.server}><TextInput id="smtp-server" placeholder="smtp.example.org" value={shown.server} disabled={locked} onChange={(event) => set({ server: event.target.value })} /></Field>
      <Field label="SMTP port" htmlFor="smtp-port" wrong={wrong.port}><NumberInput id="smtp-port" min={1} max={65535} allowDecimal={false} hideControls value={shown.port} disabled={locked} onChange={(port) => set({ port: Number(port) || 0 })} /></Field>
      <Field label="SMTP security mode" htmlFor="smtp-security" hint={form.security === "none" ? "Without encryption a password is sent only where the operator allows it." : undefined}><Select id="smtp-security" allowDeselect={false} value={shown.security} disabled={locked} onChange={(security) => setSecurity(security ?? "starttls")} data={[{ value: "none", label: "None" }, { value: "starttls", label: "TLS (STARTTLS)" }, { value: "tls", label: "SSL" }]} /></Field>
      <Field label="SMTP authentication type" htmlFor="smtp-auth"><Select id="smtp-auth" allowDeselect={false} value={shown.auth} disabled={locked} onChange={(auth) => set({ auth: auth ?? "plain" })} data={[{ value: "none", label: "None" }, { value: "plain", label: "Plain" }, { value: "login", label: "Login" }, { value: "cram-md5", label: "CRAM-MD5" }, { value: "xoauth2", label: "XOAUTH2" }]} /></Field>
      {!locked && <>
        {form.security !== "none" && <CertificateField pinned={form.pinned_certificate} onUnpin={() => set({ pinned_certificate: null })} />}
        <Field label="User name" htmlFor="smtp-user" hint="Leave empty if it is that of the mailbox."><TextInput id="smtp-user" autoComplete="off" value={form.username ?? ""} onChange={(event) => set({ username: event.target.value || null })} /></Field>
        <Field label="SMTP password" htmlFor="smtp-password" wrong={wrong.password} hint="Leave empty to keep the stored one, or to use that of the mailbox on a server of the same domain."><PasswordInput id="smtp-password" autoComplete="new-password" value={password} onChange={(event) => setPassword(event.target.value)} /></Field>
        <Field label="Set local domain" htmlFor="local-domain" wrong={wrong.local_domain} hint="The name that this machine greets with."><TextInput id="local-domain" value={form.local_domain ?? ""} onChange={(event) => set({ local_domain: event.target.value || null })} /></Field>
      </>}
      <Field label="Emails limit per hour" htmlFor="limit-per-hour" hint="0: no limit. What is over it waits in the outbox."><NumberInput id="limit-per-hour" w={140} min={0} max={1_000_000} allowDecimal={false} allowNegative={false} value={form.limit_per_hour ?? 0} onChange={(limit) => set({ limit_per_hour: Number(limit) || 0 })} /></Field>
      {(test.data ?? test.isPending ?? failed) && <Field label="Result"><Result pending={test.isPending} result={test.data} error={failed} onPin={pin} /></Field>}
      {account.smtp?.enabled && <SendTest account={account} />}
      {account.smtp?.enabled && <Signature account={account.id} />}
    </Card>
  );
}

function systemHint(system: Schemas["SystemServerView"] | null | undefined, isUsed: boolean) {
  if (!system) return isUsed ? "System e-mail is off: nothing is sent. Turn this off, or ask a super-administrator." : "There is no system e-mail.";
  return isUsed && `Mail goes out from ${system.sender}, and so do bounces go there. Answers still come to you.`;
}

/** A real message through the same path; how it goes is shown as it goes. */
function SendTest({ account }: { account: Schemas["AccountView"] }) {
  const [to, setTo] = useState(account.address);
  const send = useMutation({ mutationFn: () => unwrap(api.POST("/api/v1/accounts/{id}/smtp/send-test", { params: { path: { id: account.id } }, body: { to } })) });
  const id = send.data?.message_id ?? "";
  const delivery = useQuery({ queryKey: ["outbox", id], enabled: Boolean(id), queryFn: () => unwrap(api.GET("/api/v1/outbox/{id}", { params: { path: { id } } })) });
  return (
    <Field label={texts.testEmail} htmlFor="test-email" wrong={fieldsOf(send.error).to ?? (send.isError ? (Object.values(fieldsOf(send.error))[0] ?? messageOf(send.error)) : undefined)}>
      <div style={{ display: "flex", gap: 8 }}>
        <TextInput style={{ flex: 1 }} id="test-email" type="email" value={to} onChange={(event) => setTo(event.target.value)} />
        <Button variant="default" loading={send.isPending} onClick={() => send.mutate()}>{texts.sendTest}</Button>
      </div>
      {delivery.data && <div role="status" style={{ marginTop: 8 }}><StateLabel state={delivery.data.state} /> {delivery.data.said}</div>}
    </Field>
  );
}

function Signature({ account }: { account: string }) {
  const senders = useQuery({ queryKey: ["senders"], queryFn: () => unwrap(api.GET("/api/v1/senders")) });
  const stored = senders.data?.find((one) => one.account_id === account)?.signature;
  if (stored === undefined) return null;
  return <SignatureForm account={account} stored={stored} />;
}

function SignatureForm({ account, stored }: { account: string; stored: string }) {
  const [text, setText] = useState(stored.replaceAll(/<br\s*\/?>/g, "\n").replaceAll(/<[^>]*>/g, ""));
  const save = useMutation({
    mutationFn: () => {
      const escaped = text.trim().replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("\n", "<br>");
      return unwrap(api.PUT("/api/v1/accounts/{id}/signature", { params: { path: { id: account } }, body: { html: escaped && `<p>${escaped}</p>` } }));
    },
  });
  return (
    <Field label={texts.signature} htmlFor="signature" hint={texts.signatureHint} wrong={save.isError ? messageOf(save.error) : undefined}>
      <Textarea id="signature" autosize minRows={2} maxRows={8} value={text} onChange={(event) => setText(event.target.value)} />
      <Button mt={8} variant="default" size="compact-md" loading={save.isPending} onClick={() => save.mutate()}>{save.isSuccess ? texts.saved : texts.saveSignature}</Button>
    </Field>
  );
}

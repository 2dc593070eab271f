/** Config / Main / Email: what the system itself sends, by which server, and how it went. */
import { Button, NumberInput, PasswordInput, Select, Skeleton, Switch, Table, Textarea, TextInput } from "@mantine/core";
import { IconListDetails, IconMailCog, IconServer } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Field } from "../../components/Field";
import { ErrorState } from "../../components/states";
import { Time } from "../../components/time";
import { api, fieldsOf, messageOf, type Schemas, unwrap } from "../../client";
import { texts } from "../../texts";
import { Card } from "../email-account/Card";
import { CertificateField } from "../email-account/Certificate";
import { Result } from "../email-account/Result";

type Settings = Schemas["SystemMailCard"];

const DEFAULT_PORTS: Record<string, number> = { tls: 465, starttls: 587, none: 25 };
const AUTHS = [{ value: "plain", label: "Plain" }, { value: "login", label: "Login" }, { value: "cram-md5", label: "CRAM-MD5" }, { value: "xoauth2", label: "XOAUTH2" }];

export function SystemMail() {
  const settings = useQuery({ queryKey: ["system-mail"], queryFn: () => unwrap(api.GET("/api/v1/system-mail/settings")) });
  return (
    <div className="scroll">
      <div className="page">
        <h1 style={{ fontSize: 23, margin: "0 0 6px" }}>{texts.systemMail}</h1>
        <p style={{ color: "var(--ink2)", margin: "0 0 14px" }}>{texts.systemMailHint}</p>
        {settings.isPending && <Skeleton height={320} radius={8} />}
        {settings.isError && <ErrorState error={settings.error} retry={() => void settings.refetch()} />}
        {settings.data && <Cards stored={settings.data} />}
        {settings.data && <Log />}
      </div>
    </div>
  );
}

function Cards({ stored }: { stored: Settings }) {
  const queries = useQueryClient();
  const [form, setForm] = useState(stored);
  const [password, setPassword] = useState("");
  const set = (part: Partial<Settings>) => setForm({ ...form, ...part });
  const body = { ...form, password: password || null };
  const save = useMutation({
    mutationFn: () => unwrap(api.PUT("/api/v1/system-mail/settings", { body })),
    onSuccess: () => { setPassword(""); return Promise.all(["system-mail", "system-mail-log"].map((key) => queries.invalidateQueries({ queryKey: [key] }))); },
  });
  const test = useMutation({ mutationFn: () => unwrap(api.POST("/api/v1/system-mail/test", { body })) });
  const wrong = { ...fieldsOf(test.error), ...fieldsOf(save.error) };
  const left = (mutation: { isError: boolean; error: unknown }) => mutation.isError && Object.keys(fieldsOf(mutation.error)).length === 0 ? messageOf(mutation.error) : undefined;
  const card = { onSave: () => save.mutate(), saving: save.isPending, saved: save.isSuccess, error: left(save) };
  const pin = (pinned_certificate: string) => {
    set({ pinned_certificate });
    test.reset();
  };
  const setSecurity = (security: string) => set({ security, port: Object.values(DEFAULT_PORTS).includes(form.port) ? (DEFAULT_PORTS[security] ?? form.port) : form.port });
  return (
    <>
      <Card title="Email" icon={<IconMailCog size={19} stroke={1.6} />} summary={stored.enabled ? stored.sender_email : "Off"} {...card}>
        <Field label="Sender's name" htmlFor="sender-name"><TextInput id="sender-name" value={form.sender_name} onChange={(event) => set({ sender_name: event.target.value })} /></Field>
        <Field label="Sender's email" htmlFor="sender-email" wrong={wrong.sender_email}><TextInput id="sender-email" type="email" value={form.sender_email} onChange={(event) => set({ sender_email: event.target.value })} /></Field>
        <Field label="Admin email" htmlFor="admin-email" wrong={wrong.admin_email} hint="Test messages go there, unless another address is typed."><TextInput id="admin-email" type="email" value={form.admin_email} onChange={(event) => set({ admin_email: event.target.value })} /></Field>
        <Field label="Enable email sending" htmlFor="system-enabled" wrong={wrong.enabled}><Switch id="system-enabled" mt={6} checked={form.enabled} onChange={(event) => set({ enabled: event.target.checked })} /></Field>
        <Field label="Send to" htmlFor="send-to" wrong={wrong.send_to} hint={form.send_to ? "All system mail goes there only; customers get none of it. Personal mail is not touched." : "For trying out: if set, all system mail goes there only."}><TextInput id="send-to" type="email" value={form.send_to} onChange={(event) => set({ send_to: event.target.value })} /></Field>
        <Field label="Copy email" htmlFor="copy-to" wrong={wrong.copy_to} hint="Hidden copies of system mail, addresses with commas between. Never of personal mail."><TextInput id="copy-to" value={form.copy_to} onChange={(event) => set({ copy_to: event.target.value })} /></Field>
        <Field label="Days until expiration" htmlFor="expires" wrong={wrong.days_until_expiration} hint="What could not be sent by then is given up."><NumberInput id="expires" w={140} min={1} max={365} allowDecimal={false} value={form.days_until_expiration} onChange={(days) => set({ days_until_expiration: Number(days) || 0 })} /></Field>
        <Field label="Emails limit per hour" htmlFor="system-limit" hint="0: no limit."><NumberInput id="system-limit" w={140} min={0} allowDecimal={false} allowNegative={false} value={form.limit_per_hour} onChange={(limit) => set({ limit_per_hour: Number(limit) || 0 })} /></Field>
        <Field label="Additional headers" htmlFor="headers" wrong={wrong.headers} hint="One a line: Name: value"><Textarea id="headers" autosize minRows={2} maxRows={8} spellCheck={false} styles={{ input: { fontFamily: "ui-monospace, monospace", fontSize: 13 } }} value={form.headers} onChange={(event) => set({ headers: event.target.value })} /></Field>
      </Card>
      <Card title="SMTP server" icon={<IconServer size={19} stroke={1.6} />} summary={stored.server} {...card} extra={<Button variant="default" loading={test.isPending} onClick={() => test.mutate()}>{texts.testConnection}</Button>}>
        <Field label="SMTP server" htmlFor="system-server" wrong={wrong.server} hint={stored.server && form.server !== stored.server ? "Personal accounts that send through the system wait until their owners agree to another server." : undefined}><TextInput id="system-server" placeholder="smtp.example.org" value={form.server} onChange={(event) => set({ server: event.target.value })} /></Field>
        <Field label="SMTP port" htmlFor="system-port" wrong={wrong.port}><NumberInput id="system-port" min={1} max={65535} allowDecimal={false} hideControls value={form.port} onChange={(port) => set({ port: Number(port) || 0 })} /></Field>
        <Field label="Encrypted" htmlFor="system-security"><Select id="system-security" allowDeselect={false} value={form.security} onChange={(security) => setSecurity(security ?? "starttls")} data={[{ value: "none", label: "None" }, { value: "starttls", label: "TLS (STARTTLS)" }, { value: "tls", label: "SSL" }]} /></Field>
        {form.security !== "none" && <CertificateField pinned={form.pinned_certificate} onUnpin={() => set({ pinned_certificate: null })} />}
        <Field label="Use authentication" htmlFor="system-auth"><Switch id="system-auth" mt={6} checked={form.auth !== "none"} onChange={(event) => set({ auth: event.target.checked ? "plain" : "none" })} /></Field>
        {form.auth !== "none" && <>
          <Field label="SMTP authentication type" htmlFor="system-auth-type"><Select id="system-auth-type" allowDeselect={false} value={form.auth} onChange={(auth) => set({ auth: auth ?? "plain" })} data={AUTHS} /></Field>
          <Field label="User name" htmlFor="system-user"><TextInput id="system-user" autoComplete="off" value={form.username} onChange={(event) => set({ username: event.target.value })} /></Field>
          <Field label="System password" htmlFor="system-password" wrong={wrong.password} hint="Leave empty to keep the stored one."><PasswordInput id="system-password" autoComplete="new-password" value={password} onChange={(event) => setPassword(event.target.value)} /></Field>
        </>}
        {(test.data ?? test.isPending ?? left(test)) && <Field label="Result"><Result pending={test.isPending} result={test.data} error={left(test)} onPin={pin} /></Field>}
        {stored.enabled && <SendTest to={stored.admin_email || stored.sender_email} />}
      </Card>
    </>
  );
}

/** A real message, with the settings as they are stored; the log below shows how it goes. */
function SendTest({ to: first }: { to: string }) {
  const queries = useQueryClient();
  const [to, setTo] = useState(first);
  const send = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/system-mail/send-test", { body: { to } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["system-mail-log"] }),
  });
  return (
    <Field label={texts.testEmail} htmlFor="system-test" wrong={send.isError ? (Object.values(fieldsOf(send.error))[0] ?? messageOf(send.error)) : undefined} hint={send.isSuccess && texts.testQueued}>
      <div style={{ display: "flex", gap: 8 }}>
        <TextInput style={{ flex: 1 }} id="system-test" type="email" value={to} onChange={(event) => setTo(event.target.value)} />
        <Button variant="default" loading={send.isPending} onClick={() => send.mutate()}>{texts.sendTest}</Button>
      </div>
    </Field>
  );
}

const DAY = 24 * 3600 * 1000;
const PERIODS = [{ value: "1", label: "Last day" }, { value: "7", label: "Last 7 days" }, { value: "30", label: "Last 30 days" }, { value: "all", label: "All" }];

function Log() {
  const [period, setPeriod] = useState("7");
  const [state, setState] = useState("");
  const log = useQuery({
    queryKey: ["system-mail-log", period, state],
    // Nobody is told of a system message as it goes.
    refetchInterval: 5_000,
    queryFn: () => unwrap(api.GET("/api/v1/system-mail/log", { params: { query: { from: period === "all" ? undefined : new Date(Date.now() - Number(period) * DAY).toISOString(), state: state || undefined } } })),
  });
  return (
    <section className="card" aria-label={texts.mailLog} style={{ padding: "12px 16px", overflowX: "auto" }}>
      <div style={{ display: "flex", gap: 8, alignItems: "center", flexWrap: "wrap" }}>
        <IconListDetails size={19} stroke={1.6} />
        <h2 style={{ fontSize: 15, margin: 0, flex: 1 }}>{texts.mailLog}</h2>
        <Select w={140} aria-label={texts.period} allowDeselect={false} value={period} onChange={(value) => setPeriod(value ?? "7")} data={PERIODS} />
        <Select w={150} aria-label={texts.state} allowDeselect={false} value={state} onChange={(value) => setState(value ?? "")} data={[{ value: "", label: texts.all }, ...Object.entries(texts.logStates).map(([value, label]) => ({ value, label }))]} />
      </div>
      {log.isError && <ErrorState error={log.error} retry={() => void log.refetch()} />}
      {log.data?.length === 0 && <p style={{ color: "var(--ink3)", margin: "10px 0 0" }}>{texts.logEmpty}</p>}
      {log.data && log.data.length > 0 && (
        <Table mt={8}>
          <Table.Thead><Table.Tr><Table.Th>{texts.time}</Table.Th><Table.Th>{texts.to}</Table.Th><Table.Th>{texts.subject}</Table.Th><Table.Th>{texts.state}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {log.data.map((line, index) => (
              <Table.Tr key={`${line.queued_at}-${index}`}>
                <Table.Td style={{ whiteSpace: "nowrap" }}><Time at={line.queued_at} /></Table.Td>
                <Table.Td style={{ overflowWrap: "anywhere" }}>{line.to.join(", ")}</Table.Td>
                <Table.Td style={{ overflowWrap: "anywhere" }}>{line.subject || texts.noSubject}</Table.Td>
                <Table.Td>
                  <span className={`label ${["error", "expired", "attachment_error"].includes(line.state) ? "orange" : "plain"}`}>{texts.logStates[line.state] ?? line.state}</span>
                  {line.said && line.state !== "sent" && <div style={{ fontSize: 12.5, color: "var(--ink2)", overflowWrap: "anywhere" }}>{line.said}</div>}
                  {line.next_try_at && <div style={{ fontSize: 12.5, color: "var(--ink2)" }}>{texts.triedAgain} <Time at={line.next_try_at} long /></div>}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </section>
  );
}

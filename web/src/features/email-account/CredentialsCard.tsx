import { Button, Group, PasswordInput, TextInput } from "@mantine/core";
import { IconKey } from "@tabler/icons-react";
import { useState } from "react";
import { Field } from "../../components/Field";
import { api, type Schemas, unwrap } from "../../client";
import { Card } from "./Card";
import { type Draft, findPreset } from "./EmailAccount";
import { useSave } from "./useSave";

export function CredentialsCard({ account, draft, change }: { account: Schemas["AccountView"]; draft: Draft; change: (draft: Draft) => void }) {
  const [form, setForm] = useState({ name: account.name, address: account.address, aliases: account.aliases.join(", ") });
  const { wrong, error, card } = useSave(() =>
    unwrap(api.PUT("/api/v1/accounts/{id}/credentials", {
      params: { path: { id: account.id } },
      body: {
        ...form,
        username: draft.username,
        aliases: form.aliases.split(/[\s,;]+/).filter(Boolean),
        // Without a server the password waits for the card below: it is stored for one server only.
        password: account.imap && draft.password ? draft.password : null,
      },
    })),
  );
  const fillServers = async () => change({ ...draft, preset: (await findPreset(form.address)) ?? undefined });
  const hint = account.password_stored ? "Stored. Leave empty to keep it." : account.imap ? "None is stored for these IMAP settings." : "It is stored when you save the IMAP settings.";
  return (
    <Card title="Credentials" icon={<IconKey size={19} stroke={1.6} />} summary={account.address} error={error} {...card}>
      <Field label="Name" htmlFor="name" hint="As customers see it."><TextInput id="name" value={form.name} onChange={(event) => setForm({ ...form, name: event.target.value })} /></Field>
      <Field label="Email address" htmlFor="address" wrong={wrong.address}><TextInput id="address" type="email" value={form.address} onChange={(event) => setForm({ ...form, address: event.target.value })} onBlur={() => void fillServers()} /></Field>
      <Field label="Other addresses of mine" htmlFor="aliases" wrong={wrong.aliases} hint="Comma between."><TextInput id="aliases" value={form.aliases} onChange={(event) => setForm({ ...form, aliases: event.target.value })} /></Field>
      <Field label="Username" htmlFor="username" wrong={wrong.username} hint="Leave empty if it is the address."><TextInput id="username" autoComplete="off" value={draft.username} onChange={(event) => change({ ...draft, username: event.target.value })} /></Field>
      <Field label="Password" htmlFor="password" wrong={wrong.password} hint={<>{hint} {draft.preset?.app_password_url && <>{draft.preset.name} wants an <a href={draft.preset.app_password_url} target="_blank" rel="noreferrer" style={{ color: "var(--wax)" }}>app password</a>.</>}</>}>
        <PasswordInput id="password" autoComplete="new-password" value={draft.password} onChange={(event) => change({ ...draft, password: event.target.value })} />
      </Field>
      <Field label="Sign in with" hint="Google and Microsoft sign-in are not available yet; use a password.">
        <Group gap={8}><Button variant="default" disabled>Google</Button><Button variant="default" disabled>Microsoft</Button></Group>
      </Field>
    </Card>
  );
}

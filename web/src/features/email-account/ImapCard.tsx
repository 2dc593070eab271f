import { Button, MultiSelect, NumberInput, SegmentedControl, Select, Switch, TextInput } from "@mantine/core";
import { IconServer } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Field } from "../../components/Field";
import { api, fieldsOf, messageOf, type Schemas, unwrap } from "../../client";
import { texts } from "../../texts";
import { Card } from "./Card";
import { CertificateField } from "./Certificate";
import type { Draft } from "./EmailAccount";
import { Result } from "./Result";
import { useSave } from "./useSave";

const DEFAULT_PORTS: Record<string, number> = { tls: 993, starttls: 143, none: 143 };
const EMPTY: Schemas["ImapCard"] = { server: "", port: 993, security: "tls", pinned_certificate: null, compress: false, authserv_id: null, sent_folder: null, more_folders: [] };

export function ImapCard({ account, draft }: { account: Schemas["AccountView"]; draft: Draft }) {
  const [form, setForm] = useState<Schemas["ImapCard"]>(account.imap ?? draft.preset?.imap ?? EMPTY);
  const set = (part: Partial<typeof form>) => setForm({ ...form, ...part });
  const path = { params: { path: { id: account.id } } };
  const password = draft.password || null;
  const { wrong: saveWrong, error, card } = useSave(async () => {
    // The user name belongs to what a password is stored for: it has to be there first.
    if (draft.username !== account.username) {
      const { name, address, aliases } = account;
      await unwrap(api.PUT("/api/v1/accounts/{id}/credentials", { ...path, body: { name, address, aliases, username: draft.username } }));
    }
    return unwrap(api.PUT("/api/v1/accounts/{id}/imap", { ...path, body: { ...form, password } }));
  });
  const test = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/accounts/{id}/test", { ...path, body: { ...form, username: draft.username, password } })),
    onSuccess: (result) => {
      const sent = result.folders.find((folder) => folder.is_sent);
      if (sent && !form.sent_folder) set({ sent_folder: sent.name });
    },
  });
  // What was tested is over: the next test shows whether the pinned one holds.
  const pin = (pinned_certificate: string) => {
    set({ pinned_certificate });
    test.reset();
  };
  // Ports follow the mode only while they are at a default.
  const setSecurity = (security: string) => set({ security, port: Object.values(DEFAULT_PORTS).includes(form.port) ? (DEFAULT_PORTS[security] ?? form.port) : form.port });
  const wrong = { ...fieldsOf(test.error), ...saveWrong };
  const folders = [...new Set([...(test.data?.folders.map((folder) => folder.name) ?? []), ...(form.sent_folder ? [form.sent_folder] : [])])];
  return (
    <Card title="IMAP settings" icon={<IconServer size={19} stroke={1.6} />} summary={account.imap?.server ?? "Not set up"} error={error} {...card}
      extra={<Button variant="default" loading={test.isPending} onClick={() => test.mutate()}>Test connection</Button>}>
      <Field label="IMAP server" htmlFor="imap-server" wrong={wrong.server}><TextInput id="imap-server" placeholder="imap.example.org" value={form.server} onChange={(event) => set({ server: event.target.value })} /></Field>
      <Field label="IMAP port" htmlFor="imap-port" wrong={wrong.port}><NumberInput id="imap-port" min={1} max={65535} allowDecimal={false} hideControls value={form.port} onChange={(port) => set({ port: Number(port) || 0 })} /></Field>
      <Field label="Use SSL" hint={form.security === "starttls" ? "STARTTLS - starts in clear, then encrypts." : form.security === "none" ? "Without encryption a password is sent only where the operator allows it." : undefined} wrong={wrong.security}>
        <SegmentedControl aria-label="Use SSL" value={form.security} onChange={setSecurity} data={[{ value: "tls", label: "SSL" }, { value: "starttls", label: "STARTTLS" }, { value: "none", label: "None" }]} />
      </Field>
      {form.security !== "none" && <CertificateField pinned={form.pinned_certificate} onUnpin={() => set({ pinned_certificate: null })} />}
      <Field label="Compress" htmlFor="compress" hint="For slow lines. On a fast one it costs the server more than it saves."><Switch id="compress" mt={6} checked={form.compress ?? false} onChange={(event) => set({ compress: event.target.checked })} /></Field>
      <Field label="Folder name of sent emails" wrong={wrong.sent_folder}>
        <div style={{ display: "flex", gap: 8 }}>
          <Select style={{ flex: 1 }} aria-label="Folder name of sent emails" placeholder="Found by itself" clearable searchable value={form.sent_folder ?? null} data={folders} nothingFoundMessage="Press Load" onChange={(sent_folder) => set({ sent_folder })} />
          <Button variant="default" loading={test.isPending} onClick={() => test.mutate()}>Load</Button>
        </div>
      </Field>
      <Field label={texts.moreFolders} hint={texts.moreFoldersHint} wrong={wrong.more_folders}>
        <MultiSelect aria-label={texts.moreFolders} placeholder={form.more_folders?.length ? undefined : texts.moreFoldersNone} clearable searchable value={form.more_folders ?? []} data={[...new Set([...folders, ...(form.more_folders ?? [])])].filter((name) => name.toUpperCase() !== "INBOX" && name !== form.sent_folder)} nothingFoundMessage="Press Load" onChange={(more_folders) => set({ more_folders })} />
      </Field>
      <Field label={texts.authserv} htmlFor="authserv" hint={texts.authservHint}><TextInput id="authserv" placeholder="Learned by itself" value={form.authserv_id ?? ""} onChange={(event) => set({ authserv_id: event.target.value || null })} /></Field>
      {wrong.password && <Field label="Password" wrong={wrong.password}>{null}</Field>}
      {(test.data || test.isPending || (test.isError && Object.keys(fieldsOf(test.error)).length === 0)) && (
        <Field label="Result"><Result pending={test.isPending} result={test.data} error={test.isError ? messageOf(test.error) : undefined} onPin={pin} /></Field>
      )}
    </Card>
  );
}

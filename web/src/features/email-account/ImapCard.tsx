import { Button, MultiSelect, SegmentedControl, Select, Switch } from "@mantine/core";
import { IconServer } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { Field, TextField } from "../../components/Field";
import { api, type Schemas, unwrap } from "../../client";
import { useEdits } from "../../components/useEdits";
import { useRefused } from "../../components/useRefused";
import { useSave } from "../../components/useSave";
import { texts } from "../../texts";
import { Card } from "./Card";
import { CertificateField } from "./Certificate";
import type { Draft } from "./EmailAccount";
import { TestResult } from "./Result";
import { PortField, secured } from "./ServerFields";
import look from "../../design/look.module.css";

const PORTS: Record<string, number> = { tls: 993, starttls: 143, none: 143 };
const EMPTY: Schemas["ImapCard"] = {
  server: "",
  port: 993,
  security: "tls",
  pinned_certificate: null,
  compress: false,
  authserv_id: null,
  sent_folder: null,
  more_folders: [],
};

export function ImapCard({ account, draft }: { account: Schemas["AccountView"]; draft: Draft }) {
  const edits = useEdits<Schemas["ImapCard"]>(
    account.imap ?? (draft.found ? { ...EMPTY, ...draft.found.imap } : EMPTY),
  );
  const { form, set } = edits;
  const path = { params: { path: { id: account.id } } };
  const password = draft.password || null;
  const {
    wrong: saveWrong,
    error,
    card,
  } = useSave(
    edits,
    async (wanted) => {
      // The user name belongs to what a password is stored for: it has to be there first.
      if (draft.username !== account.username) {
        const { name, address, aliases } = account;
        await unwrap(
          api.PUT("/api/v1/accounts/{id}/credentials", {
            ...path,
            body: { name, address, aliases, username: draft.username },
          }),
        );
      }
      return unwrap(
        api.PUT("/api/v1/accounts/{id}/imap", { ...path, body: { ...wanted, password } }),
      );
    },
    draft,
  );
  const test = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/api/v1/accounts/{id}/test", {
          ...path,
          body: { ...form, username: draft.username, password },
        }),
      ),
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
  const tested = useRefused({ ...form, ...draft }, test.error);
  const wrong = { ...tested.wrong, ...saveWrong };
  const folders = [
    ...new Set([
      ...(test.data?.folders.map((folder) => folder.name) ?? []),
      ...(form.sent_folder ? [form.sent_folder] : []),
    ]),
  ];
  return (
    <Card
      title={texts.imapSettings}
      icon={<IconServer size={19} stroke={1.6} />}
      summary={account.imap?.server ?? texts.notSetUp}
      error={error}
      {...card}
      extra={
        <Button variant="default" loading={test.isPending} onClick={() => test.mutate()}>
          {texts.testConnection}
        </Button>
      }
    >
      <TextField
        id="imap-server"
        label={texts.imapServer}
        wrong={wrong.server}
        placeholder="imap.example.org"
        value={form.server}
        onChange={(value) => set({ server: value })}
      />
      <PortField
        id="imap-port"
        label={texts.imapPort}
        wrong={wrong.port}
        port={form.port}
        onChange={(port) => set({ port })}
      />
      <Field
        label={texts.useSsl}
        hint={
          form.security === "starttls"
            ? texts.starttlsStartsInClear
            : form.security === "none"
              ? texts.withoutEncryptionPasswordSent
              : undefined
        }
        wrong={wrong.security}
      >
        <SegmentedControl
          aria-label={texts.useSsl}
          value={form.security}
          onChange={(mode) => set(secured(form.port, mode, PORTS))}
          data={[
            { value: "tls", label: "SSL" },
            { value: "starttls", label: "STARTTLS" },
            { value: "none", label: texts.none },
          ]}
        />
      </Field>
      {form.security !== "none" && (
        <CertificateField
          pinned={form.pinned_certificate}
          onUnpin={() => set({ pinned_certificate: null })}
        />
      )}
      <Field label={texts.compress} htmlFor="compress" hint={texts.forSlowLinesOn}>
        <Switch
          id="compress"
          mt={6}
          checked={form.compress ?? false}
          onChange={(event) => set({ compress: event.target.checked })}
        />
      </Field>
      <Field label={texts.folderNameSentEmails} wrong={wrong.sent_folder}>
        <div className={look.line}>
          <Select
            flex={1}
            aria-label={texts.folderNameSentEmails}
            placeholder={texts.foundByItself}
            clearable
            searchable
            value={form.sent_folder ?? null}
            data={folders}
            nothingFoundMessage={texts.pressLoad}
            onChange={(sent_folder) => set({ sent_folder })}
          />
          <Button variant="default" loading={test.isPending} onClick={() => test.mutate()}>
            {texts.load}
          </Button>
        </div>
      </Field>
      <Field label={texts.moreFolders} hint={texts.moreFoldersHint} wrong={wrong.more_folders}>
        <MultiSelect
          aria-label={texts.moreFolders}
          placeholder={form.more_folders?.length ? undefined : texts.moreFoldersNone}
          clearable
          searchable
          value={form.more_folders ?? []}
          data={[...new Set([...folders, ...(form.more_folders ?? [])])].filter(
            (name) => name.toUpperCase() !== "INBOX" && name !== form.sent_folder,
          )}
          nothingFoundMessage={texts.pressLoad}
          onChange={(more_folders) => set({ more_folders })}
        />
      </Field>
      <TextField
        id="authserv"
        label={texts.authserv}
        hint={texts.authservHint}
        placeholder={texts.learnedByItself}
        value={form.authserv_id ?? ""}
        onChange={(value) => set({ authserv_id: value || null })}
      />
      {wrong.password && (
        <Field label={texts.password} wrong={wrong.password}>
          {null}
        </Field>
      )}
      <TestResult test={test} error={tested.error} onPin={pin} />
    </Card>
  );
}

import { Button, NumberInput, Switch, Textarea, TextInput } from "@mantine/core";
import { IconSend } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Field, PasswordField, TextField } from "../../components/Field";
import { api, messageOf, type Schemas, unwrap } from "../../client";
import { useEdits } from "../../components/useEdits";
import { useRefused } from "../../components/useRefused";
import { useSave } from "../../components/useSave";
import { textOf } from "../../html";
import { texts } from "../../texts";
import { StateLabel } from "../outbox/Outbox";
import { Card } from "./Card";
import type { Draft } from "./EmailAccount";
import { TestResult } from "./Result";
import { SmtpAuthField, SmtpServerFields } from "./ServerFields";
import look from "../../design/look.module.css";
import styles from "./SmtpCard.module.css";

const EMPTY: Schemas["SmtpCard"] = {
  enabled: false,
  server: "",
  port: 587,
  security: "starttls",
  pinned_certificate: null,
  auth: "plain",
  reply_to: null,
  use_system: false,
  local_domain: null,
  username: null,
  limit_per_hour: 0,
};

export function SmtpCard({ account, draft }: { account: Schemas["AccountView"]; draft: Draft }) {
  const edits = useEdits<Schemas["SmtpCard"]>(account.smtp ?? { ...EMPTY, ...draft.found?.smtp });
  const { form, set } = edits;
  const [password, setPassword] = useState("");
  const path = { params: { path: { id: account.id } } };
  const {
    wrong: saveWrong,
    error,
    card,
  } = useSave(
    edits,
    (wanted) =>
      unwrap(
        api.PUT("/api/v1/accounts/{id}/smtp", {
          ...path,
          body: { ...wanted, password: password || null },
        }),
      ),
    { password },
  );
  const test = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/api/v1/accounts/{id}/smtp/test", {
          ...path,
          body: { ...form, password: password || null },
        }),
      ),
  });
  const system = useQuery({
    queryKey: ["accounts", account.id, "system-smtp"],
    queryFn: () => unwrap(api.GET("/api/v1/accounts/{id}/system-smtp", path)),
  });
  const tested = useRefused({ ...form, password }, test.error);
  const wrong = { ...tested.wrong, ...saveWrong };
  const pin = (pinned_certificate: string) => {
    set({ pinned_certificate });
    test.reset();
  };
  const locked = form.use_system;
  const shown = locked && system.data ? { ...form, ...system.data } : form;
  return (
    <Card
      title={texts.smtpSettings}
      icon={<IconSend size={19} stroke={1.6} />}
      summary={
        account.smtp?.enabled
          ? account.smtp.use_system
            ? texts.systemKind
            : account.smtp.server
          : texts.off
      }
      error={error}
      {...card}
      open={Boolean(account.smtp)}
      extra={
        !locked && (
          <Button variant="default" loading={test.isPending} onClick={() => test.mutate()}>
            {texts.testConnection}
          </Button>
        )
      }
    >
      <Field label={texts.enableSending} htmlFor="smtp-enabled">
        <Switch
          id="smtp-enabled"
          mt={6}
          checked={form.enabled}
          onChange={(event) => set({ enabled: event.target.checked })}
        />
      </Field>
      <TextField
        id="reply-to"
        label={texts.replyTo}
        wrong={wrong.reply_to}
        hint={texts.whereAnswersGoIf}
        type="email"
        value={form.reply_to ?? ""}
        onChange={(value) => set({ reply_to: value || null })}
      />
      <Field
        label={texts.useSystemSmtp}
        htmlFor="use-system"
        wrong={wrong.use_system}
        hint={systemHint(system.data, form.use_system)}
      >
        <Switch
          id="use-system"
          mt={6}
          disabled={!system.data && !form.use_system}
          checked={form.use_system}
          onChange={(event) => set({ use_system: event.target.checked })}
        />
      </Field>
      {account.smtp?.use_system && system.data?.is_agreed === false && (
        <div role="alert" className="notice">
          {texts.systemServerChanged}
        </div>
      )}
      <SmtpServerFields
        prefix="smtp"
        form={shown}
        set={set}
        wrong={wrong}
        securityLabel={texts.smtpSecurityMode}
        hints={{
          security: form.security === "none" ? texts.withoutEncryptionPasswordSent : undefined,
        }}
        locked={locked}
      />
      <SmtpAuthField
        id="smtp-auth"
        auth={shown.auth}
        disabled={locked}
        mayBeNone
        onChange={(auth) => set({ auth })}
      />
      {!locked && (
        <>
          <TextField
            id="smtp-user"
            label={texts.userName}
            hint={texts.leaveEmptyIfMailbox}
            autoComplete="off"
            value={form.username ?? ""}
            onChange={(value) => set({ username: value || null })}
          />
          <PasswordField
            id="smtp-password"
            label={texts.smtpPassword}
            wrong={wrong.password}
            hint={texts.keepsStoredOrMailbox}
            autoComplete="new-password"
            value={password}
            onChange={setPassword}
          />
          <TextField
            id="local-domain"
            label={texts.setLocalDomain}
            wrong={wrong.local_domain}
            hint={texts.nameThisMachineGreets}
            value={form.local_domain ?? ""}
            onChange={(value) => set({ local_domain: value || null })}
          />
        </>
      )}
      <Field label={texts.emailsLimitPerHour} htmlFor="limit-per-hour" hint={texts.noLimitOutbox}>
        <NumberInput
          id="limit-per-hour"
          w={140}
          min={0}
          max={1_000_000}
          allowDecimal={false}
          allowNegative={false}
          value={form.limit_per_hour ?? 0}
          onChange={(limit) => set({ limit_per_hour: Number(limit) || 0 })}
        />
      </Field>
      <TestResult test={test} error={tested.error} onPin={pin} />
      {account.smtp?.enabled && <SendTest account={account} />}
      {account.smtp?.enabled && <Signature account={account.id} />}
    </Card>
  );
}

function systemHint(system: Schemas["SystemServerView"] | null | undefined, isUsed: boolean) {
  if (!system) return isUsed ? texts.systemEMailOff : texts.thereNoSystemE;
  return isUsed && texts.goesOutFrom({ address: system.sender });
}

/** A real message through the same path; how it goes is shown as it goes. */
function SendTest({ account }: { account: Schemas["AccountView"] }) {
  const [to, setTo] = useState(account.address);
  const send = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/api/v1/accounts/{id}/smtp/send-test", {
          params: { path: { id: account.id } },
          body: { to },
        }),
      ),
  });
  const refused = useRefused({ to }, send.error);
  const id = send.data?.message_id ?? "";
  const delivery = useQuery({
    queryKey: ["outbox", id],
    enabled: Boolean(id),
    queryFn: () => unwrap(api.GET("/api/v1/outbox/{id}", { params: { path: { id } } })),
  });
  return (
    <Field label={texts.testEmail} htmlFor="test-email" wrong={refused.wrong.to ?? refused.error}>
      <div className={look.line}>
        <TextInput
          flex={1}
          id="test-email"
          type="email"
          value={to}
          onChange={(event) => setTo(event.target.value)}
        />
        <Button variant="default" loading={send.isPending} onClick={() => send.mutate()}>
          {texts.sendTest}
        </Button>
      </div>
      {delivery.data && (
        <div role="status" className={styles.delivery}>
          <StateLabel state={delivery.data.state} /> {delivery.data.said}
        </div>
      )}
    </Field>
  );
}

function Signature({ account }: { account: string }) {
  const senders = useQuery({
    queryKey: ["senders"],
    queryFn: () => unwrap(api.GET("/api/v1/senders")),
  });
  const stored = senders.data?.find((one) => one.account_id === account)?.signature;
  if (stored === undefined) return null;
  return <SignatureForm account={account} stored={stored} />;
}

function SignatureForm({ account, stored }: { account: string; stored: string }) {
  const queries = useQueryClient();
  const edits = useEdits({
    text: textOf(stored),
  });
  const { text } = edits.form;
  const save = useMutation({
    mutationFn: async () => {
      const escaped = text
        .trim()
        .replaceAll("&", "&amp;")
        .replaceAll("<", "&lt;")
        .replaceAll("\n", "<br>");
      await unwrap(
        api.PUT("/api/v1/accounts/{id}/signature", {
          params: { path: { id: account } },
          body: { html: escaped && `<p>${escaped}</p>` },
        }),
      );
      edits.saved({ text });
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: ["senders"] }),
  });
  return (
    <Field
      label={texts.signature}
      htmlFor="signature"
      hint={texts.signatureHint}
      wrong={save.isError ? messageOf(save.error) : undefined}
    >
      <Textarea
        id="signature"
        autosize
        minRows={2}
        maxRows={8}
        value={text}
        onChange={(event) => edits.set({ text: event.target.value })}
      />
      <Button
        mt={8}
        variant="default"
        size="compact-md"
        loading={save.isPending}
        onClick={() => save.mutate()}
      >
        {save.isSuccess && !edits.isEdited ? texts.saved : texts.saveSignature}
      </Button>
    </Field>
  );
}

/** Config / Main / Email: what the system itself sends, by which server, and how it went. */
import {
  Button,
  NumberInput,
  Select,
  Skeleton,
  Switch,
  Table,
  Textarea,
  TextInput,
} from "@mantine/core";
import { IconListDetails, IconMailCog, IconServer } from "@tabler/icons-react";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Field, PasswordField, TextField } from "../../components/Field";
import { Folded } from "../../components/Folded";
import { ErrorState, shownOf } from "../../components/states";
import { Time } from "../../components/time";
import { useRefused } from "../../components/useRefused";
import { useEdits } from "../../components/useEdits";
import { api, type Schemas, unwrap } from "../../client";
import { texts } from "../../texts";
import { Card } from "../email-account/Card";
import { TestResult } from "../email-account/Result";
import { SmtpAuthField, SmtpServerFields } from "../email-account/ServerFields";
import look from "../../design/look.module.css";
import styles from "./SystemMail.module.css";

type Settings = Schemas["SystemMailCard"];

export function SystemMail() {
  const settings = useQuery({
    queryKey: ["system-mail"],
    queryFn: () => unwrap(api.GET("/api/v1/system-mail/settings")),
  });
  const shown = shownOf(settings);
  return (
    <div className="scroll">
      <div className="page">
        <h1 className={`${look.title} ${look.aboveHint}`}>{texts.systemMail}</h1>
        <p className={`${look.second} ${look.hintOfPage}`}>{texts.systemMailHint}</p>
        {settings.isPending && <Skeleton height={320} radius={8} />}
        {shown.error && <ErrorState error={shown.error} retry={() => void settings.refetch()} />}
        {shown.data && <Cards stored={shown.data} />}
        {shown.data && <Log />}
      </div>
    </div>
  );
}

function Cards({ stored }: { stored: Settings }) {
  const queries = useQueryClient();
  const edits = useEdits(stored);
  const { form, set } = edits;
  const [password, setPassword] = useState("");
  const body = { ...form, password: password || null };
  const save = useMutation({
    mutationFn: async () => {
      await unwrap(api.PUT("/api/v1/system-mail/settings", { body }));
      edits.saved(form);
    },
    onSuccess: () => {
      setPassword("");
      return Promise.all(
        ["system-mail", "system-mail-log"].map((key) =>
          queries.invalidateQueries({ queryKey: [key] }),
        ),
      );
    },
  });
  const test = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/system-mail/test", { body })),
  });
  const tested = useRefused(body, test.error);
  const refused = useRefused(body, save.error);
  const wrong = { ...tested.wrong, ...refused.wrong };
  const card = {
    onSave: () => save.mutate(),
    saving: save.isPending,
    saved: save.isSuccess && !edits.isEdited && !password,
    error: refused.error,
  };
  const pin = (pinned_certificate: string) => {
    set({ pinned_certificate });
    test.reset();
  };
  return (
    <>
      <Card
        title={texts.email}
        icon={<IconMailCog size={19} stroke={1.6} />}
        summary={stored.enabled ? stored.sender_email : texts.off}
        {...card}
      >
        <TextField
          id="sender-name"
          label={texts.senderSName}
          value={form.sender_name}
          onChange={(value) => set({ sender_name: value })}
        />
        <TextField
          id="sender-email"
          label={texts.senderSEmail}
          wrong={wrong.sender_email}
          type="email"
          value={form.sender_email}
          onChange={(value) => set({ sender_email: value })}
        />
        <TextField
          id="admin-email"
          label={texts.adminEmail}
          wrong={wrong.admin_email}
          hint={texts.testMessagesGoThere}
          type="email"
          value={form.admin_email}
          onChange={(value) => set({ admin_email: value })}
        />
        <Field label={texts.enableEmailSending} htmlFor="system-enabled" wrong={wrong.enabled}>
          <Switch
            id="system-enabled"
            mt={6}
            checked={form.enabled}
            onChange={(event) => set({ enabled: event.target.checked })}
          />
        </Field>
        <TextField
          id="send-to"
          label={texts.sendTo}
          wrong={wrong.send_to}
          hint={form.send_to ? texts.sendToOnHint : texts.sendToHint}
          type="email"
          value={form.send_to}
          onChange={(value) => set({ send_to: value })}
        />
        <TextField
          id="copy-to"
          label={texts.copyEmail}
          wrong={wrong.copy_to}
          hint={texts.copyEmailHint}
          value={form.copy_to}
          onChange={(value) => set({ copy_to: value })}
        />
        <Field
          label={texts.daysUntilExpiration}
          htmlFor="expires"
          wrong={wrong.days_until_expiration}
          hint={texts.expirationHint}
        >
          <NumberInput
            id="expires"
            w={140}
            min={1}
            max={365}
            allowDecimal={false}
            value={form.days_until_expiration}
            onChange={(days) => set({ days_until_expiration: Number(days) || 0 })}
          />
        </Field>
        <Field label={texts.emailsLimitPerHour} htmlFor="system-limit" hint={texts.noLimit}>
          <NumberInput
            id="system-limit"
            w={140}
            min={0}
            allowDecimal={false}
            allowNegative={false}
            value={form.limit_per_hour}
            onChange={(limit) => set({ limit_per_hour: Number(limit) || 0 })}
          />
        </Field>
        <Field
          label={texts.additionalHeaders}
          htmlFor="headers"
          wrong={wrong.headers}
          hint={texts.oneLineNameValue}
        >
          <Textarea
            id="headers"
            autosize
            minRows={2}
            maxRows={8}
            spellCheck={false}
            styles={{ input: { fontFamily: "ui-monospace, monospace", fontSize: 13 } }}
            value={form.headers}
            onChange={(event) => set({ headers: event.target.value })}
          />
        </Field>
      </Card>
      <Card
        title={texts.smtpServer}
        icon={<IconServer size={19} stroke={1.6} />}
        summary={stored.server}
        {...card}
        extra={
          <Button variant="default" loading={test.isPending} onClick={() => test.mutate()}>
            {texts.testConnection}
          </Button>
        }
      >
        <SmtpServerFields
          prefix="system"
          form={form}
          set={set}
          wrong={wrong}
          securityLabel={texts.encrypted}
          hints={{
            server:
              stored.server && form.server !== stored.server ? texts.systemServerHint : undefined,
          }}
        />
        <Field label={texts.useAuthentication} htmlFor="system-auth">
          <Switch
            id="system-auth"
            mt={6}
            checked={form.auth !== "none"}
            onChange={(event) => set({ auth: event.target.checked ? "plain" : "none" })}
          />
        </Field>
        {form.auth !== "none" && (
          <>
            <SmtpAuthField
              id="system-auth-type"
              auth={form.auth}
              mayBeNone={false}
              onChange={(auth) => set({ auth })}
            />
            <TextField
              id="system-user"
              label={texts.userName}
              autoComplete="off"
              value={form.username}
              onChange={(value) => set({ username: value })}
            />
            <PasswordField
              id="system-password"
              label={texts.systemPassword}
              wrong={wrong.password}
              hint={texts.keepsStored}
              autoComplete="new-password"
              value={password}
              onChange={setPassword}
            />
          </>
        )}
        <TestResult test={test} error={tested.error} onPin={pin} />
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
  const refused = useRefused({ to }, send.error);
  return (
    <Field
      label={texts.testEmail}
      htmlFor="system-test"
      wrong={refused.wrong.to ?? refused.error}
      hint={send.isSuccess && texts.testQueued}
    >
      <div className={look.line}>
        <TextInput
          flex={1}
          id="system-test"
          type="email"
          value={to}
          onChange={(event) => setTo(event.target.value)}
        />
        <Button variant="default" loading={send.isPending} onClick={() => send.mutate()}>
          {texts.sendTest}
        </Button>
      </div>
    </Field>
  );
}

const DAY = 24 * 3600 * 1000;
const PERIODS = [
  { value: "1", label: texts.lastDay },
  { value: "7", label: texts.last7Days },
  { value: "30", label: texts.last30Days },
  { value: "all", label: texts.all },
];

function Log() {
  const [period, setPeriod] = useState("7");
  const [state, setState] = useState("");
  const log = useInfiniteQuery({
    queryKey: ["system-mail-log", period, state],
    // Nobody is told of a system message as it goes.
    refetchInterval: 5_000,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v1/system-mail/log", {
          params: {
            query: {
              from:
                period === "all"
                  ? undefined
                  : new Date(Date.now() - Number(period) * DAY).toISOString(),
              state: state || undefined,
              before: pageParam,
            },
          },
        }),
      ),
    getNextPageParam: (page) => page.older ?? undefined,
    select: (data) => data.pages.flatMap((page) => page.lines),
  });
  return (
    <section className={`card ${look.inner} ${look.scrolls}`} aria-label={texts.mailLog}>
      <div className={`${look.line} ${look.centered} ${look.wraps}`}>
        <IconListDetails size={19} stroke={1.6} />
        <h2 className={`${look.heading} ${look.grow}`}>{texts.mailLog}</h2>
        <Select
          w={140}
          aria-label={texts.period}
          allowDeselect={false}
          value={period}
          onChange={(value) => setPeriod(value ?? "7")}
          data={PERIODS}
        />
        <Select
          w={150}
          aria-label={texts.state}
          allowDeselect={false}
          value={state}
          onChange={(value) => setState(value ?? "")}
          data={[
            { value: "", label: texts.all },
            ...Object.entries(texts.logStates).map(([value, label]) => ({
              value,
              label: label ?? value,
            })),
          ]}
        />
      </div>
      {log.isError && !log.data && (
        <ErrorState error={log.error} retry={() => void log.refetch()} />
      )}
      {log.data?.length === 0 && !log.hasNextPage && (
        <p className={styles.empty}>{texts.logEmpty}</p>
      )}
      {log.data && log.data.length > 0 && (
        <Table mt={8}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{texts.time}</Table.Th>
              <Table.Th>{texts.to}</Table.Th>
              <Table.Th>{texts.subject}</Table.Th>
              <Table.Th>{texts.state}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {log.data.map((line, index) => (
              <Table.Tr key={`${line.queued_at}-${index}`}>
                <Table.Td className={styles.when}>
                  <Time at={line.queued_at} />
                </Table.Td>
                <Table.Td className={look.breaks}>
                  <Folded items={line.to} />
                </Table.Td>
                <Table.Td className={look.breaks}>{line.subject || texts.noSubject}</Table.Td>
                <Table.Td>
                  <span
                    className={`label ${["error", "expired", "attachment_error"].includes(line.state) ? "orange" : "plain"}`}
                  >
                    {texts.logStates[line.state] ?? line.state}
                  </span>
                  {line.said && line.state !== "sent" && (
                    <div className={`${look.said} ${look.breaks}`}>{line.said}</div>
                  )}
                  {line.next_try_at && (
                    <div className={look.said}>
                      {texts.triedAgain} <Time at={line.next_try_at} long />
                    </div>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {log.hasNextPage && (
        <Button
          mt={8}
          variant="default"
          size="compact-sm"
          loading={log.isFetchingNextPage}
          onClick={() => void log.fetchNextPage()}
        >
          {texts.more}
        </Button>
      )}
    </section>
  );
}

import { Button, Select, Switch, Textarea, TextInput } from "@mantine/core";
import { IconInbox } from "@tabler/icons-react";
import { useDebouncedValue } from "@mantine/hooks";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Field } from "../../components/Field";
import { api, messageOf, type Schemas, unwrap } from "../../client";
import { texts } from "../../texts";
import { Card } from "./Card";
import { useSave } from "./useSave";

export function TrackingCard({ account }: { account: Schemas["AccountView"] }) {
  const [form, setForm] = useState(account.tracking);
  const [history, setHistory] = useState(Boolean(account.tracking.history_since));
  const { wrong, error, card } = useSave(() =>
    unwrap(api.PUT("/api/v1/accounts/{id}/tracking", { params: { path: { id: account.id } }, body: { ...form, history_since: history ? form.history_since : null } })),
  );
  const set = (part: Partial<typeof form>) => setForm({ ...form, ...part });
  const which = account.tracking.messages === "all" ? "All messages" : "Unread messages";
  const summary = account.tracking.enabled ? `${which}${account.tracking.history_since ? ` since ${account.tracking.history_since}` : ""}` : "Off";
  return (
    <Card title="Email tracking" icon={<IconInbox size={19} stroke={1.6} />} summary={summary} error={error} {...card}>
      <Field label="Enable inbox processing" htmlFor="enabled" hint={account.tracking.enabled && !form.enabled ? "What arrives while it is off is left out. Status offers Fetch the gap when it is on again." : undefined}><Switch id="enabled" mt={6} checked={form.enabled} onChange={(event) => set({ enabled: event.target.checked })} /></Field>
      <Field label="Which messages to process" htmlFor="which" wrong={wrong.messages}>
        <Select id="which" allowDeselect={false} value={form.messages} onChange={(messages) => set({ messages: messages ?? "all" })} data={[{ value: "all", label: "All" }, { value: "unread", label: "Unread" }]} />
      </Field>
      <Field label="Process old (historic) messages" htmlFor="history" wrong={wrong.history_since} hint={history ? "Everything since this day, newest first." : "Only what arrives after the first successful connection."}>
        <Switch id="history" mt={6} mb={history ? 8 : 0} checked={history} onChange={(event) => setHistory(event.target.checked)} />
        {history && <TextInput type="date" aria-label="Since" value={form.history_since ?? ""} onChange={(event) => set({ history_since: event.target.value })} />}
        {history && form.history_since && account.password_stored && <HowMuch key={form.history_since} account={account.id} since={form.history_since} />}
      </Field>
      <Field label="Mark as read" htmlFor="mark"><Switch id="mark" mt={6} label="Mark as read if processed successfully" checked={form.mark_as_read} onChange={(event) => set({ mark_as_read: event.target.checked, ...(event.target.checked && { flags_both_ways: false }) })} /></Field>
      <Field label="Read marks" htmlFor="both-ways" wrong={wrong.flags_both_ways} hint={form.flags_both_ways && "What you read here is read in your mailbox, and the reverse. What you answer here is marked there."}><Switch id="both-ways" mt={6} label="Keep read marks the same in the mailbox" checked={form.flags_both_ways ?? false} onChange={(event) => set({ flags_both_ways: event.target.checked, ...(event.target.checked && { mark_as_read: false }) })} /></Field>
      <Field label="Deny list" htmlFor="deny" wrong={wrong.deny_list} hint="One address or domain a line. *.domain for its subdomains, # for comments.">
        <Textarea id="deny" autosize minRows={3} maxRows={12} spellCheck={false} styles={{ input: { fontFamily: "ui-monospace, monospace", fontSize: 13 } }} value={form.deny_list} onChange={(event) => set({ deny_list: event.target.value })} />
        <WouldHide account={account} text={form.deny_list} />
      </Field>
    </Card>
  );
}

/** Counted in the mailbox, before it is fetched. */
function HowMuch({ account, since }: { account: string; since: string }) {
  const count = useMutation({ mutationFn: () => unwrap(api.POST("/api/v1/accounts/{id}/history-preview", { params: { path: { id: account } }, body: { since } })) });
  const found = count.data;
  return (
    <div className="how-much" aria-live="polite">
      <Button size="compact-sm" variant="default" loading={count.isPending} onClick={() => count.mutate()}>{texts.howMuch}</Button>
      {found && (found.failure ?? texts.historySize(found.messages, found.bytes))}
      {count.isError && messageOf(count.error)}
    </div>
  );
}

/** What new lines would have kept out, before they are saved. */
function WouldHide({ account, text }: { account: Schemas["AccountView"]; text: string }) {
  const [deny_list] = useDebouncedValue(text, 300);
  const changed = deny_list !== account.tracking.deny_list;
  const preview = useQuery({
    queryKey: ["deny-preview", account.id, deny_list],
    enabled: changed,
    retry: false,
    queryFn: () => unwrap(api.POST("/api/v1/accounts/{id}/deny-list/preview", { params: { path: { id: account.id } }, body: { deny_list } })),
  });
  if (!changed || !preview.data?.length) return null;
  return <ul aria-label="Would be kept out" className="hint" style={{ margin: "6px 0 0", paddingLeft: 18 }}>{preview.data.map(({ line, messages }) => <li key={line}>{texts.wouldHide(line, messages)}</li>)}</ul>;
}

import { Button, Select, Switch, Textarea, TextInput } from "@mantine/core";
import { IconInbox } from "@tabler/icons-react";
import { useDebouncedValue } from "@mantine/hooks";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Field } from "../../components/Field";
import { calendarDay } from "../../components/time";
import { api, messageOf, type Schemas, unwrap } from "../../client";
import { useEdits } from "../../components/useEdits";
import { useSave } from "../../components/useSave";
import { fileSize } from "../../formats";
import { texts } from "../../texts";
import { Card } from "./Card";
import styles from "./TrackingCard.module.css";

export function TrackingCard({ account }: { account: Schemas["AccountView"] }) {
  const edits = useEdits({ ...account.tracking, history: Boolean(account.tracking.history_since) });
  const { form, set } = edits;
  const { history } = form;
  const { wrong, error, card } = useSave(edits, ({ history: wanted, ...tracking }) =>
    unwrap(
      api.PUT("/api/v1/accounts/{id}/tracking", {
        params: { path: { id: account.id } },
        body: { ...tracking, history_since: wanted ? tracking.history_since : null },
      }),
    ),
  );
  const which = account.tracking.messages === "all" ? texts.allMessages : texts.unreadMessages;
  const summary = account.tracking.enabled
    ? account.tracking.history_since
      ? texts.trackedSince({ what: which, day: calendarDay(account.tracking.history_since) })
      : which
    : texts.off;
  return (
    <Card
      title={texts.emailTracking}
      icon={<IconInbox size={19} stroke={1.6} />}
      summary={summary}
      error={error}
      {...card}
    >
      <Field
        label={texts.enableInboxProcessing}
        htmlFor="enabled"
        hint={account.tracking.enabled && !form.enabled ? texts.whatArrivesWhileOff : undefined}
      >
        <Switch
          id="enabled"
          mt={6}
          checked={form.enabled}
          onChange={(event) => set({ enabled: event.target.checked })}
        />
      </Field>
      <Field label={texts.whichMessagesProcess} htmlFor="which" wrong={wrong.messages}>
        <Select
          id="which"
          allowDeselect={false}
          value={form.messages}
          onChange={(messages) => set({ messages: messages ?? "all" })}
          data={[
            { value: "all", label: texts.all },
            { value: "unread", label: texts.unread },
          ]}
        />
      </Field>
      <Field
        label={texts.processOldHistoricMessages}
        htmlFor="history"
        wrong={wrong.history_since}
        hint={history ? texts.everythingSinceThisDay : texts.onlyWhatArrivesAfter}
      >
        <Switch
          id="history"
          mt={6}
          mb={history ? 8 : 0}
          checked={history}
          onChange={(event) => set({ history: event.target.checked })}
        />
        {history && (
          <TextInput
            type="date"
            aria-label={texts.since}
            value={form.history_since ?? ""}
            onChange={(event) => set({ history_since: event.target.value })}
          />
        )}
        {history && form.history_since && account.password_stored && (
          <HowMuch key={form.history_since} account={account.id} since={form.history_since} />
        )}
      </Field>
      <Field label={texts.markAsRead} htmlFor="mark">
        <Switch
          id="mark"
          mt={6}
          label={texts.markAsReadIf}
          checked={form.mark_as_read}
          onChange={(event) =>
            set({
              mark_as_read: event.target.checked,
              ...(event.target.checked && { flags_both_ways: false }),
            })
          }
        />
      </Field>
      <Field
        label={texts.readMarks}
        htmlFor="both-ways"
        wrong={wrong.flags_both_ways}
        hint={form.flags_both_ways && texts.whatYouReadHere}
      >
        <Switch
          id="both-ways"
          mt={6}
          label={texts.keepReadMarksSame}
          checked={form.flags_both_ways ?? false}
          onChange={(event) =>
            set({
              flags_both_ways: event.target.checked,
              ...(event.target.checked && { mark_as_read: false }),
            })
          }
        />
      </Field>
      <Field
        label={texts.denyList}
        htmlFor="deny"
        wrong={wrong.deny_list}
        hint={texts.oneAddressOrDomain}
      >
        <Textarea
          id="deny"
          autosize
          minRows={3}
          maxRows={12}
          spellCheck={false}
          styles={{ input: { fontFamily: "ui-monospace, monospace", fontSize: 13 } }}
          value={form.deny_list}
          onChange={(event) => set({ deny_list: event.target.value })}
        />
        <WouldHide account={account} text={form.deny_list} />
      </Field>
    </Card>
  );
}

/** Counted in the mailbox, before it is fetched. */
function HowMuch({ account, since }: { account: string; since: string }) {
  const count = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/api/v1/accounts/{id}/history-preview", {
          params: { path: { id: account } },
          body: { since },
        }),
      ),
  });
  const found = count.data;
  return (
    <div className="how-much" aria-live="polite">
      <Button
        size="compact-sm"
        variant="default"
        loading={count.isPending}
        onClick={() => count.mutate()}
      >
        {texts.howMuch}
      </Button>
      {found && (found.failure ?? historySize(found.messages, found.bytes))}
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
    queryFn: () =>
      unwrap(
        api.POST("/api/v1/accounts/{id}/deny-list/preview", {
          params: { path: { id: account.id } },
          body: { deny_list },
        }),
      ),
  });
  if (!changed || !preview.data?.length) return null;
  return (
    <ul aria-label={texts.wouldBeKeptOut} className={`hint ${styles.wouldHide}`}>
      {preview.data.map(({ line, messages }) => (
        <li key={line}>{texts.wouldHide({ line, count: messages })}</li>
      ))}
    </ul>
  );
}

function historySize(messages: number, bytes: number): string {
  if (bytes === 0) return texts.historySizeUntold({ messages });
  return texts.historySize({ messages, size: fileSize(bytes) });
}

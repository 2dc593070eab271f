import { ActionIcon, Group, Select, TextInput } from "@mantine/core";
import { IconLock, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Field } from "../../components/Field";
import { api, type Schemas, unwrap } from "../../client";
import { useEdits } from "../../components/useEdits";
import { useSave } from "../../components/useSave";
import { useSession } from "../../session";
import { texts } from "../../texts";
import { Card } from "./Card";
import { Resting } from "./Resting";
import styles from "./AccessCard.module.css";

type Line = { administrator_id: string; level: string; start: string; end: string };

export function AccessCard({ account }: { account: Schemas["AccountView"] }) {
  const grants = useQuery({
    queryKey: ["grants", account.id],
    queryFn: () =>
      unwrap(api.GET("/api/v1/accounts/{id}/grants", { params: { path: { id: account.id } } })),
  });
  const me = useSession().data;
  return grants.data && me ? <Lines account={account} grants={grants.data} me={me} /> : null;
}

/** The day, in this zone, that an instant is in; an end is the first moment of the day after. */
function day(at: string | null | undefined, zone: string, back = 0): string {
  return at
    ? new Date(new Date(at).getTime() - back).toLocaleDateString("en-CA", { timeZone: zone })
    : "";
}

const isLive = ({ starts_at, ends_at, rests_since }: Schemas["GrantView"], now: string) =>
  !rests_since && (!starts_at || starts_at <= now) && (!ends_at || now < ends_at);

function Lines({
  account,
  grants,
  me,
}: {
  account: Schemas["AccountView"];
  grants: Schemas["GrantView"][];
  me: Schemas["Me"];
}) {
  const colleagues = useQuery({
    queryKey: ["administrators"],
    queryFn: () => unwrap(api.GET("/api/v1/administrators")),
  });
  const stored: Line[] = grants.map((grant) => ({
    administrator_id: grant.administrator_id,
    level: grant.level,
    start: day(grant.starts_at, me.time_zone),
    end: day(grant.ends_at, me.time_zone, 1),
  }));
  const edits = useEdits({ lines: stored });
  const { lines } = edits.form;
  const setLines = (changed: Line[]) => edits.set({ lines: changed });
  const { error, card } = useSave(edits, ({ lines: wanted }) =>
    unwrap(
      api.PUT("/api/v1/accounts/{id}/grants", {
        params: { path: { id: account.id } },
        body: wanted.map((line) => ({ ...line, start: line.start || null, end: line.end || null })),
      }),
    ),
  );
  const [now] = useState(() => new Date().toISOString());
  const live = grants.filter((grant) => isLive(grant, now)).length;
  const wasStored = (line: Line) =>
    stored.some((held) => JSON.stringify(held) === JSON.stringify(line));
  /** What is wrong with an end, before the server says so; an access that has ended may stay in the list. */
  const wrongEnd = (line: Line) => {
    if (line.end && line.start && line.end < line.start) return texts.endBeforeStart;
    if (line.end && line.end < day(now, me.time_zone))
      return wasStored(line) ? texts.grantOver : texts.endInPast;
    return undefined;
  };
  const isRefused = lines.some((line) => wrongEnd(line) && !wasStored(line));
  const names = new Map((colleagues.data ?? []).map((colleague) => [colleague.id, colleague.name]));
  const free = (colleagues.data ?? []).filter(
    (colleague) =>
      colleague.id !== me.id && !lines.some((line) => line.administrator_id === colleague.id),
  );
  const set = (index: number, part: Partial<Line>) =>
    setLines(lines.map((line, at) => (at === index ? { ...line, ...part } : line)));
  return (
    <Card
      title={texts.accessSettings}
      icon={<IconLock size={19} stroke={1.6} />}
      summary={live === 0 ? texts.onlyYou : texts.youAndMore({ count: live })}
      error={error}
      {...card}
      onSave={isRefused ? () => undefined : card.onSave}
    >
      <Field label={texts.showMyInboxOther} hint={texts.showInboxHint}>
        {lines.map((line, index) => (
          <Group key={line.administrator_id} gap={8} mb={8} wrap="wrap" align="flex-start">
            <strong className={styles.name}>{names.get(line.administrator_id) ?? "..."}</strong>
            <Select
              aria-label={texts.level}
              w={110}
              allowDeselect={false}
              value={line.level}
              onChange={(level) => set(index, { level: level ?? "see" })}
              data={[
                { value: "see", label: texts.see },
                { value: "reply", label: texts.reply },
                { value: "manage", label: texts.manage },
              ]}
            />
            <TextInput
              type="date"
              aria-label={texts.from}
              w={136}
              value={line.start}
              onChange={(event) => set(index, { start: event.target.value })}
            />
            <TextInput
              type="date"
              aria-label={texts.untilDate}
              w={136}
              value={line.end}
              error={wrongEnd(line)}
              onChange={(event) => set(index, { end: event.target.value })}
            />
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={texts.takeAway}
              mt={4}
              onClick={() => setLines(lines.filter((_, at) => at !== index))}
            >
              <IconX size={17} stroke={1.6} />
            </ActionIcon>
          </Group>
        ))}
        {grants.map(
          ({ administrator_id: colleague, rests_since: since }) =>
            since && (
              <Resting
                key={colleague}
                account={account.id}
                colleague={colleague}
                name={names.get(colleague) ?? "..."}
                since={since}
              />
            ),
        )}
        <Select
          aria-label={texts.addAnAdministrator}
          placeholder={texts.addAnAdministrator}
          value={null}
          searchable
          data={free.map((colleague) => ({ value: colleague.id, label: colleague.name }))}
          nothingFoundMessage={texts.nobodyElse}
          onChange={(id) =>
            id && setLines([...lines, { administrator_id: id, level: "see", start: "", end: "" }])
          }
        />
      </Field>
    </Card>
  );
}

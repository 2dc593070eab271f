import { ActionIcon, Group, Select, TextInput } from "@mantine/core";
import { IconLock, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Field } from "../../components/Field";
import { api, type Schemas, unwrap } from "../../client";
import { useSession } from "../../session";
import { Card } from "./Card";
import { useSave } from "./useSave";

type Line = { administrator_id: string; level: string; start: string; end: string };

export function AccessCard({ account }: { account: Schemas["AccountView"] }) {
  const grants = useQuery({ queryKey: ["grants", account.id], queryFn: () => unwrap(api.GET("/api/v1/accounts/{id}/grants", { params: { path: { id: account.id } } })) });
  if (!grants.data) return null;
  return <Lines key={JSON.stringify(grants.data)} account={account} grants={grants.data} />;
}

/** The day that an instant is in; an end is the first moment of the day after. */
const day = (at: string | null | undefined, back: number) => {
  if (!at) return "";
  const date = new Date(new Date(at).getTime() - back);
  return `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;
};

function Lines({ account, grants }: { account: Schemas["AccountView"]; grants: Schemas["GrantView"][] }) {
  const me = useSession().data;
  const colleagues = useQuery({ queryKey: ["administrators"], queryFn: () => unwrap(api.GET("/api/v1/administrators")) });
  const [lines, setLines] = useState<Line[]>(grants.map((grant) => ({ administrator_id: grant.administrator_id, level: grant.level, start: day(grant.starts_at, 0), end: day(grant.ends_at, 1) })));
  const { wrong, error, card } = useSave(() =>
    unwrap(api.PUT("/api/v1/accounts/{id}/grants", { params: { path: { id: account.id } }, body: lines.map((line) => ({ ...line, start: line.start || null, end: line.end || null })) })),
  );
  const names = new Map((colleagues.data ?? []).map((colleague) => [colleague.id, colleague.name]));
  const free = (colleagues.data ?? []).filter((colleague) => colleague.id !== me?.id && !lines.some((line) => line.administrator_id === colleague.id));
  const set = (index: number, part: Partial<Line>) => setLines(lines.map((line, at) => (at === index ? { ...line, ...part } : line)));
  return (
    <Card title="Access settings" icon={<IconLock size={19} stroke={1.6} />} summary={grants.length === 0 ? "Only you" : `You and ${grants.length} more`} error={error} {...card}>
      <Field label="Show my inbox to other admins" wrong={wrong.administrator ?? wrong.end ?? wrong.start ?? wrong.level} hint="They see this inbox and its conversations on customers' pages. An end date counts in full.">
        {lines.map((line, index) => (
          <Group key={line.administrator_id} gap={8} mb={8} wrap="wrap" align="center">
            <strong style={{ minWidth: 120 }}>{names.get(line.administrator_id) ?? "..."}</strong>
            <Select aria-label="Level" w={110} allowDeselect={false} value={line.level} onChange={(level) => set(index, { level: level ?? "see" })} data={[{ value: "see", label: "See" }, { value: "reply", label: "Reply" }, { value: "manage", label: "Manage" }]} />
            <TextInput type="date" aria-label="From" w={146} value={line.start} onChange={(event) => set(index, { start: event.target.value })} />
            <TextInput type="date" aria-label="Until" w={146} value={line.end} onChange={(event) => set(index, { end: event.target.value })} />
            <ActionIcon variant="subtle" color="gray" aria-label="Take away" onClick={() => setLines(lines.filter((_, at) => at !== index))}><IconX size={17} stroke={1.6} /></ActionIcon>
          </Group>
        ))}
        <Select aria-label="Add an administrator" placeholder="Add an administrator" value={null} searchable data={free.map((colleague) => ({ value: colleague.id, label: colleague.name }))} nothingFoundMessage="Nobody else"
          onChange={(id) => id && setLines([...lines, { administrator_id: id, level: "see", start: "", end: "" }])} />
      </Field>
    </Card>
  );
}

import { Button, Checkbox, Indicator, Popover, SegmentedControl, Stack, TextInput } from "@mantine/core";
import { IconAdjustmentsHorizontal } from "@tabler/icons-react";
import type { InboxSearch } from "../../router";
import { texts } from "../../texts";

export function FilterMenu({ search, change }: { search: InboxSearch; change: (part: Partial<InboxSearch>) => void }) {
  const active = Boolean(search.direction ?? search.from ?? search.until) || search.unread !== undefined || search.known !== undefined || search.attachments || search.deleted;
  return (
    <Popover position="bottom-end" shadow="md" trapFocus>
      <Indicator disabled={!active} color="wax" size={8} offset={6}>
        <Popover.Target>
          <Button variant="subtle" color="gray" leftSection={<IconAdjustmentsHorizontal size={17} stroke={1.6} />} c="var(--ink2)" px={10}>{texts.filter}</Button>
        </Popover.Target>
      </Indicator>
      <Popover.Dropdown>
        <Stack gap={12} w={260}>
          <SegmentedControl fullWidth size="xs" aria-label="Direction" value={search.direction ?? ""} onChange={(direction) => change({ direction: direction || undefined })}
            data={[{ value: "", label: "All" }, { value: "incoming", label: "Received" }, { value: "outgoing", label: "Sent" }]} />
          <SegmentedControl fullWidth size="xs" aria-label="Read" value={search.unread === undefined ? "" : String(search.unread)} onChange={(value) => change({ unread: value === "" ? undefined : value === "true" })}
            data={[{ value: "", label: "All" }, { value: "true", label: "Unread" }, { value: "false", label: "Read" }]} />
          <SegmentedControl fullWidth size="xs" aria-label="Author" value={search.known === undefined ? "" : String(search.known)} onChange={(value) => change({ known: value === "" ? undefined : value === "true" })}
            data={[{ value: "", label: "All" }, { value: "true", label: "Known" }, { value: "false", label: "Not found" }]} />
          <Checkbox label="With attachments" checked={search.attachments ?? false} onChange={(event) => change({ attachments: event.target.checked || undefined })} />
          <Checkbox label="Deleted, can be restored" checked={search.deleted ?? false} onChange={(event) => change({ deleted: event.target.checked || undefined })} />
          <TextInput size="xs" type="date" label="From" value={search.from ?? ""} onChange={(event) => change({ from: event.target.value || undefined })} />
          <TextInput size="xs" type="date" label="Until" value={search.until ?? ""} onChange={(event) => change({ until: event.target.value || undefined })} />
          <Button size="xs" variant="default" disabled={!active} onClick={() => change({ direction: undefined, unread: undefined, known: undefined, attachments: undefined, deleted: undefined, from: undefined, until: undefined })}>Take the filter away</Button>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

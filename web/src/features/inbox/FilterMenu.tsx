import {
  Button,
  Checkbox,
  Indicator,
  Popover,
  Group,
  Input,
  SegmentedControl,
  Stack,
  TextInput,
} from "@mantine/core";
import { IconAdjustmentsHorizontal, IconX } from "@tabler/icons-react";
import type { InboxSearch } from "../../router";
import { calendarDay } from "../../components/time";
import { texts } from "../../texts";
import styles from "./Inbox.module.css";

export function FilterMenu({
  search,
  change,
}: {
  search: InboxSearch;
  change: (part: Partial<InboxSearch>) => void;
}) {
  const active = partsOf(search).length > 0;
  return (
    <Popover position="bottom-end" shadow="md" trapFocus>
      <Indicator disabled={!active} color="wax" size={8} offset={6}>
        <Popover.Target>
          <Button
            variant="subtle"
            color="gray"
            leftSection={<IconAdjustmentsHorizontal size={17} stroke={1.6} />}
            c="var(--ink2)"
            px={10}
          >
            {texts.filter}
          </Button>
        </Popover.Target>
      </Indicator>
      <Popover.Dropdown>
        <Stack gap={12} w={260}>
          <Choice
            label={texts.direction}
            value={search.direction ?? ""}
            onChange={(direction) => change({ direction: direction || undefined })}
            choices={[
              { value: "", label: texts.all },
              { value: "incoming", label: texts.received },
              { value: "outgoing", label: texts.sent },
            ]}
          />
          <Choice
            label={texts.read}
            value={search.unread === undefined ? "" : String(search.unread)}
            onChange={(value) => change({ unread: value === "" ? undefined : value === "true" })}
            choices={[
              { value: "", label: texts.all },
              { value: "true", label: texts.unread },
              { value: "false", label: texts.read },
            ]}
          />
          <Choice
            label={texts.author}
            value={search.known === undefined ? "" : String(search.known)}
            onChange={(value) => change({ known: value === "" ? undefined : value === "true" })}
            choices={[
              { value: "", label: texts.all },
              { value: "true", label: texts.known },
              { value: "false", label: texts.notFound },
            ]}
          />
          <Checkbox
            label={texts.withAttachments}
            checked={search.attachments ?? false}
            onChange={(event) => change({ attachments: event.target.checked || undefined })}
          />
          <Checkbox
            label={texts.deletedCanBeRestored}
            checked={search.deleted ?? false}
            onChange={(event) => change({ deleted: event.target.checked || undefined })}
          />
          <TextInput
            size="xs"
            type="date"
            label={texts.from}
            value={search.from ?? ""}
            onChange={(event) => change({ from: event.target.value || undefined })}
          />
          <TextInput
            size="xs"
            type="date"
            label={texts.untilDate}
            value={search.until ?? ""}
            onChange={(event) => change({ until: event.target.value || undefined })}
          />
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

/** What it is that is chosen stands above it. */
function Choice({
  label,
  value,
  onChange,
  choices,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  choices: { value: string; label: string }[];
}) {
  return (
    <Input.Wrapper size="xs" label={label} labelElement="div">
      <SegmentedControl
        fullWidth
        size="xs"
        aria-label={label}
        value={value}
        onChange={onChange}
        data={choices}
      />
    </Input.Wrapper>
  );
}

/** Each part of the filter that is on, in words. */
function partsOf(search: InboxSearch): { part: keyof InboxSearch; label: string }[] {
  const parts: [keyof InboxSearch, string | false | undefined][] = [
    [
      "direction",
      search.direction === "incoming" ? texts.received : search.direction && texts.sent,
    ],
    ["unread", search.unread === undefined ? undefined : search.unread ? texts.unread : texts.read],
    [
      "known",
      search.known === undefined
        ? undefined
        : `${texts.author}: ${search.known ? texts.known : texts.notFound}`,
    ],
    ["attachments", search.attachments && texts.withAttachments],
    ["deleted", search.deleted && texts.deletedCanBeRestored],
    ["from", search.from && `${texts.from} ${calendarDay(search.from)}`],
    ["until", search.until && `${texts.untilDate} ${calendarDay(search.until)}`],
  ];
  return parts.flatMap(([part, label]) => (label ? { part, label } : []));
}

/** What the list leaves out is said above it, and taken away there. */
export function FilterLine({
  search,
  change,
}: {
  search: InboxSearch;
  change: (part: Partial<InboxSearch>) => void;
}) {
  const parts = partsOf(search);
  if (parts.length === 0) return null;
  return (
    <Group className={styles.filters} gap={6} role="group" aria-label={texts.filter}>
      {parts.map(({ part, label }) => (
        <Button
          key={part}
          size="compact-xs"
          variant="light"
          color="gray"
          rightSection={<IconX size={13} stroke={1.8} />}
          aria-label={texts.takePartAway({ label })}
          onClick={() => change({ [part]: undefined })}
        >
          {label}
        </Button>
      ))}
      <Button
        size="compact-xs"
        variant="subtle"
        color="gray"
        onClick={() => change(Object.fromEntries(parts.map(({ part }) => [part, undefined])))}
      >
        {texts.takeFilterAway}
      </Button>
    </Group>
  );
}

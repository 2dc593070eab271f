import {
  Button,
  Checkbox,
  Indicator,
  Popover,
  SegmentedControl,
  Stack,
  TextInput,
} from "@mantine/core";
import { IconAdjustmentsHorizontal } from "@tabler/icons-react";
import type { InboxSearch } from "../../router";
import { texts } from "../../texts";

export function FilterMenu({
  search,
  change,
}: {
  search: InboxSearch;
  change: (part: Partial<InboxSearch>) => void;
}) {
  const active =
    Boolean(search.direction ?? search.from ?? search.until) ||
    search.unread !== undefined ||
    search.known !== undefined ||
    search.attachments ||
    search.deleted;
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
          <SegmentedControl
            fullWidth
            size="xs"
            aria-label={texts.direction}
            value={search.direction ?? ""}
            onChange={(direction) => change({ direction: direction || undefined })}
            data={[
              { value: "", label: texts.all },
              { value: "incoming", label: texts.received },
              { value: "outgoing", label: texts.sent },
            ]}
          />
          <SegmentedControl
            fullWidth
            size="xs"
            aria-label={texts.read}
            value={search.unread === undefined ? "" : String(search.unread)}
            onChange={(value) => change({ unread: value === "" ? undefined : value === "true" })}
            data={[
              { value: "", label: texts.all },
              { value: "true", label: texts.unread },
              { value: "false", label: texts.read },
            ]}
          />
          <SegmentedControl
            fullWidth
            size="xs"
            aria-label={texts.author}
            value={search.known === undefined ? "" : String(search.known)}
            onChange={(value) => change({ known: value === "" ? undefined : value === "true" })}
            data={[
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
          <Button
            size="xs"
            variant="default"
            disabled={!active}
            onClick={() =>
              change({
                direction: undefined,
                unread: undefined,
                known: undefined,
                attachments: undefined,
                deleted: undefined,
                from: undefined,
                until: undefined,
              })
            }
          >
            {texts.takeFilterAway}
          </Button>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

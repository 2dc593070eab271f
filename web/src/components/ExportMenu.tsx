/** Takes mail out: started here, followed, and fetched once when it is ready. */
import { Button, Group, Loader, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconDownload } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { api, messageOf, type Schemas, unwrap } from "../client";
import { texts } from "../texts";
import styles from "./ExportMenu.module.css";

type Scope = Omit<Schemas["ExportRequest"], "format">;

const FORMATS = [
  ["csv", "CSV"],
  ["eml", texts.emlZip],
  ["mbox", "mbox"],
  ["html", texts.printablePage],
] as const;
const LOOK_AGAIN = 700;

export function ExportMenu({
  scope,
  compact = false,
  quiet = false,
}: {
  scope: Scope;
  compact?: boolean;
  quiet?: boolean;
}) {
  const start = useMutation({
    mutationFn: async (format: string) => {
      const { id } = await unwrap(api.POST("/api/v1/exports", { body: { ...scope, format } }));
      await follow(id);
    },
    onError: (error) =>
      notifications.show({
        color: "red",
        message: messageOf(error),
      }),
  });
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button
          variant={quiet ? "subtle" : "default"}
          {...(quiet && { color: "gray", c: "var(--ink2)", px: 10 })}
          size={compact ? "compact-sm" : undefined}
          leftSection={<IconDownload size={16} stroke={1.6} />}
          loading={start.isPending}
        >
          {texts.export}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {FORMATS.map(([format, label]) => (
          <Menu.Item key={format} onClick={() => start.mutate(format)}>
            {label}
          </Menu.Item>
        ))}
        <Menu.Label maw={260} className={styles.explanation}>
          {texts.exportNote}
        </Menu.Label>
      </Menu.Dropdown>
    </Menu>
  );
}

/** Says how far it is, and fetches the file when it is there. */
async function follow(id: string) {
  const shown = `export-${id}`;
  notifications.show({
    id: shown,
    autoClose: false,
    withCloseButton: false,
    message: <Line messages={0} />,
  });
  try {
    for (;;) {
      const export_ = await unwrap(api.GET("/api/v1/exports/{id}", { params: { path: { id } } }));
      if (export_.state === "failed") throw new Error(texts.exportFailed);
      if (export_.state === "ready") {
        const link = document.createElement("a");
        link.href = `/api/v1/exports/${id}/file`;
        link.download = "";
        link.click();
        notifications.update({
          id: shown,
          autoClose: export_.unread > 0 ? false : 5_000,
          withCloseButton: true,
          message: texts.exported({ count: export_.messages, unread: export_.unread }),
        });
        return;
      }
      notifications.update({
        id: shown,
        autoClose: false,
        withCloseButton: false,
        message: <Line messages={export_.messages} />,
      });
      await new Promise((wait) => setTimeout(wait, LOOK_AGAIN));
    }
  } catch (error) {
    notifications.hide(shown);
    throw error;
  }
}

function Line({ messages }: { messages: number }) {
  return (
    <Group gap={10}>
      <Loader size="xs" aria-label={texts.exporting({ count: messages })} />
      {texts.exporting({ count: messages })}
    </Group>
  );
}

/** Block email: what it would keep out and remove is said before it is done. */
import { Button, Checkbox, Group, Modal, Radio, Stack } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, messageOf, type Schemas, unwrap } from "../../client";
import { texts } from "../../texts";
import { offerUndo } from "../../components/undo";
import { changeRows } from "./optimistic";
import type { Row } from "./query";
import look from "../../design/look.module.css";

export function BlockDialog({ row, onClose }: { row: Row; onClose: () => void }) {
  const queries = useQueryClient();
  const [scope, setScope] = useState("address");
  const [remove, setRemove] = useState(false);
  const path = { path: { id: row.id } };
  const preview = useQuery({
    queryKey: ["block", row.id, scope],
    queryFn: () =>
      unwrap(api.GET("/api/v1/messages/{id}/block", { params: { ...path, query: { scope } } })),
  });
  const refresh = () =>
    Promise.all(
      ["messages", "message", "unread", "accounts", "status", "conversation"].map((key) =>
        queries.invalidateQueries({ queryKey: [key] }),
      ),
    );
  const unblock = useMutation({
    mutationFn: (blocked: Schemas["BlockView"]) =>
      unwrap(
        api.POST("/api/v1/accounts/{id}/unblock", {
          params: { path: { id: blocked.account_id } },
          body: blocked,
        }),
      ),
    onSuccess: refresh,
    onError: (error) => notifications.show({ color: "red", message: messageOf(error) }),
  });
  const block = useMutation({
    mutationFn: () =>
      unwrap(api.POST("/api/v1/messages/{id}/block", { params: path, body: { scope, remove } })),
    onMutate: () => {
      onClose();
      return changeRows(queries, (shown, list) =>
        remove && list && !list.deleted && shown.author_address === row.author_address
          ? undefined
          : shown,
      );
    },
    onError: (error, _, takeBack) => {
      takeBack?.();
      notifications.show({ color: "red", message: messageOf(error) });
    },
    onSuccess: (blocked) =>
      offerUndo(
        `block-${row.id}`,
        texts.blocked({ what: blocked.lines[0] ?? row.author_address ?? "" }),
        () => unblock.mutate(blocked),
      ),
    // A line that breaks may have carried it out: what is there is looked at.
    onSettled: refresh,
  });
  const wrong = preview.error && messageOf(preview.error);
  const domain = row.author_address?.split("@")[1] ?? "";
  return (
    <Modal opened onClose={onClose} title={texts.block}>
      <Stack gap={12}>
        <Radio.Group value={scope} onChange={setScope} aria-label={texts.block}>
          <Stack gap={8}>
            <Radio value="address" label={row.author_address} />
            <Radio value="domain" label={texts.andSubdomains({ domain })} />
          </Stack>
        </Radio.Group>
        <div className={look.second}>{texts.blockHint}</div>
        {preview.data && preview.data.messages > 0 && (
          <Checkbox
            checked={remove}
            onChange={(event) => setRemove(event.target.checked)}
            label={texts.alsoRemove({ count: preview.data.messages })}
          />
        )}
        {wrong && (
          <div role="alert" className={look.wax}>
            {wrong}
          </div>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {texts.cancel}
          </Button>
          <Button disabled={preview.isError} onClick={() => block.mutate()}>
            {texts.blockShort}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

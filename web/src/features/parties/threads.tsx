/** Threads put together and taken apart by hand; each can be undone by the other. */
import { Button, Group, Menu, Modal } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, messageOf, type Schemas, unwrap } from "../../client";
import { Time } from "../../components/time";
import { texts } from "../../texts";
import { offerUndo } from "../../components/undo";
import { useConversation } from "./Communication";
import look from "../../design/look.module.css";

export function useThreadActions(id: string, onOpen: (thread?: string) => void) {
  const queries = useQueryClient();
  const refresh = () =>
    Promise.all(
      ["messages", "message", "conversation"].map((key) =>
        queries.invalidateQueries({ queryKey: [key] }),
      ),
    );
  const failed = (error: unknown) =>
    notifications.show({
      color: "red",
      message: messageOf(error),
    });
  const post = (from: string, into: string) =>
    unwrap(
      api.POST("/api/v1/threads/{id}/merge", { params: { path: { id: from } }, body: { into } }),
    );
  const take = (from: string, messages: string[]) =>
    unwrap(
      api.POST("/api/v1/threads/{id}/split", {
        params: { path: { id: from } },
        body: { messages },
      }),
    );
  const unmerge = useMutation({
    mutationFn: ({ from, messages }: { from: string; messages: string[] }) => take(from, messages),
    onSuccess: async ({ thread_id }) => {
      await refresh();
      onOpen(thread_id);
    },
    onError: failed,
  });
  const unsplit = useMutation({
    mutationFn: ({ from, into }: { from: string; into: string }) => post(from, into),
    onSuccess: async (_, { into }) => {
      await refresh();
      onOpen(into);
    },
    onError: failed,
  });
  const merge = useMutation({
    mutationFn: (into: string) => post(id, into),
    onSuccess: async ({ messages }, into) => {
      await refresh();
      onOpen(into);
      offerUndo(`merge-${id}`, texts.merged, () => unmerge.mutate({ from: into, messages }));
    },
    onError: failed,
  });
  const split = useMutation({
    mutationFn: (messages: string[]) => take(id, messages),
    onSuccess: async ({ thread_id }) => {
      await refresh();
      onOpen(thread_id);
      offerUndo(`split-${id}`, texts.split, () => unsplit.mutate({ from: thread_id, into: id }));
    },
    onError: failed,
  });
  return { merge, split };
}

/** Entries of a message's menu within its thread. */
export function ThreadItems({
  row,
  alone,
  onSplit,
  onMerge,
}: {
  row: Schemas["MessageRow"];
  alone: boolean;
  onSplit: () => void;
  onMerge: () => void;
}) {
  if (row.right !== "own" && row.right !== "manage") return null;
  return (
    <>
      <Menu.Item onClick={onMerge}>{texts.mergeThread}</Menu.Item>
      {!alone && <Menu.Item onClick={onSplit}>{texts.splitThread}</Menu.Item>}
    </>
  );
}

/** Other threads of the same account with this customer. */
export function MergeDialog({
  party,
  row,
  onClose,
  onMerged,
}: {
  party: string;
  row: Schemas["MessageRow"];
  onClose: () => void;
  onMerged: (thread?: string) => void;
}) {
  const pages = useConversation(party);
  const { merge } = useThreadActions(row.thread_id, onMerged);
  const others = (pages.data?.pages.flatMap((page) => page.lines) ?? []).filter(
    (line) => line.last.account_id === row.account_id && line.thread_id !== row.thread_id,
  );
  return (
    <Modal opened onClose={onClose} title={texts.mergeThread}>
      <p className={look.atTop}>{texts.mergeHint}</p>
      {others.map((line) => (
        <Group key={line.thread_id} justify="space-between" wrap="nowrap" py={6}>
          <span className={look.shrinks}>
            <strong>{line.last.subject || texts.noSubject}</strong>
            <br />
            <small className={look.second}>
              <Time at={line.last_at} long />
            </small>
          </span>
          <Button
            size="compact-sm"
            variant="default"
            loading={merge.isPending && merge.variables === line.thread_id}
            onClick={() => merge.mutate(line.thread_id, { onSuccess: onClose })}
          >
            {texts.merge}
          </Button>
        </Group>
      ))}
      {pages.isSuccess && others.length === 0 && (
        <p className={look.second}>{texts.nothingFound}</p>
      )}
    </Modal>
  );
}

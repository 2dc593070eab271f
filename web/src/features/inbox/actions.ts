/** What can be done with messages; each can be undone, so nothing asks "are you sure?". */
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, messageOf, REPEATABLE, unwrap } from "../../client";
import { offerUndo } from "../../components/undo";
import { texts } from "../../texts";

const path = (id: string) => ({ params: { path: { id } } });

export function useMessageActions() {
  const queries = useQueryClient();
  const refresh = () => {
    for (const key of ["messages", "unread", "conversation"])
      void queries.invalidateQueries({ queryKey: [key] });
  };
  // What is open must not go on as if it were alive.
  const fateChanged = (ids: string[]) => {
    refresh();
    for (const id of ids) void queries.invalidateQueries({ queryKey: ["message", id] });
  };
  const failed = (error: unknown) =>
    notifications.show({ color: "red", message: messageOf(error) });
  const each = (ids: string[], act: (id: string) => Promise<unknown>) => Promise.all(ids.map(act));

  const restore = useMutation({
    ...REPEATABLE,
    mutationFn: (ids: string[]) =>
      each(ids, (id) => unwrap(api.POST("/api/v1/messages/{id}/restore", path(id)))),
    onSettled: (_, __, ids) => fateChanged(ids),
    onSuccess: (_, ids) => notifications.show({ message: texts.restored({ count: ids.length }) }),
    onError: failed,
  });
  const remove = useMutation({
    ...REPEATABLE,
    mutationFn: ({ ids, everywhere }: { ids: string[]; everywhere?: boolean }) =>
      each(ids, (id) =>
        unwrap(
          api.DELETE("/api/v1/messages/{id}", {
            params: { path: { id }, query: { everywhere: everywhere ?? false } },
          }),
        ),
      ),
    onSettled: (_, __, { ids }) => fateChanged(ids),
    onError: failed,
    onSuccess: (_, { ids, everywhere }) =>
      offerUndo(
        `undo-${ids.join()}`,
        everywhere
          ? texts.deletedEverywhere
          : ids.length === 1
            ? texts.deleted
            : texts.deletedMany({ count: ids.length }),
        () => restore.mutate(ids),
      ),
  });
  const setRead = useMutation({
    ...REPEATABLE,
    mutationFn: ({ ids, read }: { ids: string[]; read: boolean }) =>
      each(ids, (id) =>
        read
          ? unwrap(api.PUT("/api/v1/messages/{id}/read", path(id)))
          : unwrap(api.DELETE("/api/v1/messages/{id}/read", path(id))),
      ),
    onSettled: refresh,
    onError: failed,
  });
  const reparse = useMutation({
    mutationFn: (id: string) => unwrap(api.POST("/api/v1/messages/{id}/reparse", path(id))),
    onSuccess: ({ shown }, id) => {
      if (!shown) notifications.show({ message: texts.stillNotShown });
      refresh();
      return queries.invalidateQueries({ queryKey: ["message", id] });
    },
    onError: failed,
  });
  return { restore, remove, setRead, reparse };
}

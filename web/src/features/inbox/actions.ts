/** What can be done with messages: shown at once, one request for all of them, each with its undo. */
import { notifications } from "@mantine/notifications";
import { type QueryClient, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, messageOf, REPEATABLE, type Schemas, unwrap } from "../../client";
import { offerUndo } from "../../components/undo";
import { texts } from "../../texts";
import { changeRows } from "./optimistic";

type Act = Schemas["ActKind"];

export function useMessageActions() {
  const queries = useQueryClient();
  const refresh = (ids: string[]) => {
    for (const key of ["messages", "unread", "conversation"])
      void queries.invalidateQueries({ queryKey: [key] });
    // What is open must not go on as if it were alive.
    for (const id of ids) void queries.invalidateQueries({ queryKey: ["message", id] });
  };
  const failed = (error: unknown) =>
    notifications.show({ color: "red", message: messageOf(error) });

  const { mutate, isPending } = useMutation({
    ...REPEATABLE,
    mutationFn: ({ ids, act }: { ids: string[]; act: Act }) =>
      unwrap(api.POST("/api/v1/messages/acts", { body: { ids, act } })),
    onMutate: ({ ids, act }) => showAct(queries, new Set(ids), act),
    onError: (error, _, takeBack) => {
      takeBack?.();
      failed(error);
    },
    onSuccess: (_, { ids, act }) => {
      if (act === "restore") notifications.show({ message: texts.restored({ count: ids.length }) });
      if (act === "delete" || act === "delete_everywhere")
        offerUndo(`undo-${ids.join()}`, deletedText(ids.length, act), () =>
          mutate({ ids, act: "restore" }),
        );
    },
    onSettled: (_, __, { ids }) => refresh(ids),
  });
  const reparse = useMutation({
    mutationFn: (id: string) =>
      unwrap(api.POST("/api/v1/messages/{id}/reparse", { params: { path: { id } } })),
    onSuccess: ({ shown }, id) => {
      if (!shown) notifications.show({ message: texts.stillNotShown });
      refresh([id]);
    },
    onError: failed,
  });
  return {
    setRead: (ids: string[], read: boolean) =>
      mutate({ ids, act: read ? "mark_read" : "mark_unread" }),
    remove: (ids: string[], everywhere = false) =>
      mutate({ ids, act: everywhere ? "delete_everywhere" : "delete" }),
    restore: (ids: string[]) => mutate({ ids, act: "restore" }),
    isPending,
    reparse,
  };
}

function deletedText(count: number, act: Act): string {
  if (act === "delete_everywhere") return texts.deletedEverywhere;
  return count === 1 ? texts.deleted : texts.deletedMany({ count });
}

/** Before the server has answered; the result takes it back. */
function showAct(queries: QueryClient, ids: Set<string>, act: Act) {
  const isMark = act === "mark_read" || act === "mark_unread";
  return changeRows(queries, (row, list) => {
    if (!ids.has(row.id)) return row;
    if (isMark) return { ...row, unread: act === "mark_unread" };
    const deleted = act !== "restore";
    // The list of what is deleted has it, or the others.
    return list && Boolean(list.deleted) !== deleted ? undefined : { ...row, deleted };
  });
}

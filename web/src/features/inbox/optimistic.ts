/** What somebody has done is shown before the server has answered, and taken back where it refuses. */
import type { InfiniteData, QueryClient } from "@tanstack/react-query";
import type { Schemas } from "../../client";
import type { InboxSearch } from "../../router";
import type { Row } from "./query";

type Pages = InfiniteData<Schemas["MessagePage"]>;
/** `list`: of the list that it stands in; none where it is open. `undefined`: it leaves that list. */
type Change = (row: Row, list?: InboxSearch) => Row | undefined;

/** Changes rows wherever they are shown; the function that is returned brings the former ones back. */
export function changeRows(queries: QueryClient, change: Change): () => void {
  // What is on its way was asked for before.
  void queries.cancelQueries({ queryKey: ["messages"] });
  const lists = queries.getQueriesData<Pages>({ queryKey: ["messages"] });
  const open = queries.getQueriesData<Schemas["MessageView"]>({ queryKey: ["message"] });
  for (const [key, data] of lists) {
    const list = (key[1] ?? {}) as InboxSearch;
    const rows = (page: Schemas["MessagePage"]) =>
      page.messages.flatMap((row) => change(row, list) ?? []);
    if (data)
      queries.setQueryData<Pages>(key, {
        ...data,
        pages: data.pages.map((page) => ({ ...page, messages: rows(page) })),
      });
  }
  for (const [key, view] of open) {
    const row = view && change(view.row);
    if (row) queries.setQueryData(key, { ...view, row });
  }
  return () => {
    for (const [key, data] of [...lists, ...open]) queries.setQueryData(key, data);
  };
}

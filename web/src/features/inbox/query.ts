/** The list of messages: pages by position in time, kept fresh by events. */
import { keepPreviousData, queryOptions, useInfiniteQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, type Schemas, unwrap } from "../../client";
import type { InboxSearch } from "../../router";

export type Row = Schemas["MessageRow"];
const PAGE = 50;
/** Capability addresses in an opened message live for ten minutes; it is opened anew before they end. */
export const REOPEN_MS = 8 * 60_000;

/** `encoding`: what its reader says it is written in. */
export const messageQuery = (id: string, encoding?: string) =>
  queryOptions({
    queryKey: encoding ? ["message", id, encoding] : ["message", id],
    staleTime: REOPEN_MS,
    queryFn: () =>
      unwrap(api.GET("/api/v1/messages/{id}", { params: { path: { id }, query: { encoding } } })),
  });

export function useMessages(all: InboxSearch) {
  const search = { ...all };
  // Which message is open changes nothing in the list.
  delete search.open;
  const found = useInfiniteQuery({
    queryKey: ["messages", search],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v1/messages", {
          params: { query: { show: "all", ...dates(search), before: pageParam, limit: PAGE } },
        }),
      ),
    getNextPageParam: (page) => page.older ?? undefined,
    placeholderData: keepPreviousData,
  });
  // A filter may hide all of a page of hits: the search goes on by itself until something is found or it ends.
  const { hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage } = found;
  const isEmpty = found.data?.pages.at(-1)?.messages.length === 0;
  useEffect(() => {
    if (isEmpty && hasNextPage && !isFetchingNextPage && !isFetchNextPageError)
      void fetchNextPage();
  }, [isEmpty, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage]);
  return found;
}

/** What an export of this list is of. */
export function exportScope(all: InboxSearch): { list: Schemas["ListParams"] } {
  const search = { ...all };
  delete search.open;
  return { list: { show: "all", ...dates(search) } };
}

/** Days of the filter become moments: the last day counts in full. */
function dates(search: Omit<InboxSearch, "open">) {
  const moment = (day: string, plus: number) => {
    const at = new Date(`${day}T00:00:00`);
    at.setDate(at.getDate() + plus);
    return at.toISOString();
  };
  return {
    ...search,
    from: search.from && moment(search.from, 0),
    until: search.until && moment(search.until, 1),
  };
}

/** Threads with this customer across the accounts that the viewer may see, and the one that is open. */
import { Button, Group, Select, Skeleton, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconArrowBackUp, IconSearch } from "@tabler/icons-react";
import {
  keepPreviousData,
  useInfiniteQuery,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Avatar } from "../../components/Avatar";
import { Seal } from "../../components/Seal";
import { EmptyState, ErrorState, shownOf } from "../../components/states";
import { exactTime, Time } from "../../components/time";
import { api, type Schemas, unwrap } from "../../client";
import { texts } from "../../texts";
import { useComposer } from "../composer/context";
import { StateLabel } from "../outbox/Outbox";
import { Arrived, useArrivals } from "../inbox/arrivals";
import type { Row } from "../inbox/query";
import { ReadingPane } from "../inbox/ReadingPane";
import { MergeDialog, ThreadItems, useThreadActions } from "./threads";
import look from "../../design/look.module.css";
import styles from "./Communication.module.css";

type Line = Schemas["ConversationLineView"];

export function useConversation(party: string, show = "all", text = "") {
  return useInfiniteQuery({
    queryKey: ["conversation", party, show, text],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v1/parties/{id}/conversation", {
          params: {
            path: { id: party },
            query: {
              ...(isKind(show) ? { show: "all", kind: show } : { show }),
              text: text || undefined,
              before: pageParam,
            },
          },
        }),
      ),
    getNextPageParam: (page) => page.older ?? undefined,
    placeholderData: keepPreviousData,
  });
}

const isKind = (show: string) => show === "personal" || show === "system";

export function Communication({
  party,
  openThread,
  onOpen,
}: {
  party: Schemas["PartyView"];
  openThread?: string;
  onOpen: (thread?: string) => void;
}) {
  const [text, setText] = useState("");
  const [words] = useDebouncedValue(text, 200);
  const [show, setShow] = useState("all");
  const owners = useQuery({
    queryKey: ["session", "owners"],
    queryFn: () => unwrap(api.GET("/api/v1/owners")),
  });
  const choices = [
    { value: "all", label: texts.all },
    { value: "my", label: texts.my },
    ...(owners.data ?? []).map((owner) => ({ value: owner.id, label: owner.name })),
    { value: "personal", label: texts.personalKind },
    { value: "system", label: texts.systemKind },
  ];
  const pages = useConversation(party.id, show, words);
  const shown = shownOf(pages);
  const order = useHeldOrder(shown.data?.pages.flatMap((page) => page.lines) ?? []);
  const lines = order.lines;
  return (
    <div className={`conversation ${openThread ? "has-open" : ""}`}>
      <div className="thread-list">
        <div className={`search ${look.line}`}>
          <TextInput
            flex={1}
            type="search"
            aria-label={texts.searchConversation}
            placeholder={texts.searchConversation}
            leftSection={<IconSearch size={16} stroke={1.6} />}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          <Select
            w={120}
            aria-label={texts.showEmails}
            allowDeselect={false}
            data={choices}
            value={show}
            onChange={(value) => setShow(value ?? "all")}
          />
        </div>
        <div
          role="list"
          aria-label={texts.communication}
          onPointerMove={order.hold}
          onPointerLeave={order.release}
        >
          {pages.isPending && (
            <div className={styles.loadingList}>
              <Skeleton height={48} mb={10} />
              <Skeleton height={48} />
            </div>
          )}
          {shown.error && <ErrorState error={shown.error} retry={() => void pages.refetch()} />}
          {pages.isSuccess && lines.length === 0 && words && (
            <EmptyState title={texts.nothingFound} hint={texts.nothingFoundHint} />
          )}
          {pages.isSuccess && lines.length === 0 && !words && (
            <EmptyState
              title={texts.emptyInbox}
              hint={party.addresses.length > 0 ? texts.noConversationHint : texts.noAddressHint}
            />
          )}
          {lines.map((line) => (
            <ThreadLine
              key={line.thread_id}
              line={line}
              open={line.thread_id === openThread}
              onOpen={() => onOpen(line.thread_id)}
            />
          ))}
          {pages.hasNextPage && (
            <Button
              m={12}
              variant="default"
              loading={pages.isFetchingNextPage}
              onClick={() => void pages.fetchNextPage()}
            >
              {texts.more}
            </Button>
          )}
        </div>
      </div>
      {openThread ? (
        <Thread
          key={openThread}
          id={openThread}
          party={party.id}
          onBack={() => onOpen(undefined)}
          onOpen={onOpen}
        />
      ) : (
        <section className="reading">
          <EmptyState title={lines.length > 0 ? texts.pickThread : ""} />
        </section>
      )}
    </div>
  );
}

/** While the pointer is on the list its lines stay where they are: an answer makes its conversation the first only afterwards. */
function useHeldOrder(lines: Line[]) {
  const [held, setHeld] = useState<string[]>();
  const placeOf = (line: Line) => {
    const at = held?.indexOf(line.thread_id) ?? -1;
    return at < 0 ? Infinity : at;
  };
  return {
    lines: held ? lines.toSorted((one, other) => placeOf(one) - placeOf(other) || 0) : lines,
    hold: () => setHeld((before) => before ?? lines.map((line) => line.thread_id)),
    release: () => setHeld(undefined),
  };
}

function ThreadLine({ line, open, onOpen }: { line: Line; open: boolean; onOpen: () => void }) {
  const { last } = line;
  return (
    <div role="listitem">
      <button
        type="button"
        className={`thread-line ${open ? "open" : ""} ${last.unread ? "unread" : ""}`}
        onClick={onOpen}
      >
        <Avatar
          name={last.direction === "outgoing" ? last.owner_name : last.author_name || "?"}
          unknown={false}
        />
        <span className={`${look.grow} ${look.shrinks}`}>
          <span className="subject">
            {last.is_system && (
              <span className={`label plain ${styles.mark}`}>{texts.systemKind}</span>
            )}
            {last.subject || texts.noSubject}
            {line.messages > 1 && <span className="count figures">{line.messages}</span>}
          </span>
          <span className="contacted">
            {texts.lastContacted}: <Time at={line.last_at} long />{" "}
            <span className="figures">({exactTime(new Date(line.last_at))})</span>
          </span>
          <span className="snippet">{last.snippet}</span>
          {line.also_in.length > 0 && (
            <span className="contacted">
              {texts.alsoIn({ names: line.also_in.map((other) => other.owner_name).join(", ") })}
            </span>
          )}
        </span>
      </button>
    </div>
  );
}

/**
 * Older messages are one line each, the last one is open; those without this customer are folded together. What is open stays open,
 * and where it is, whatever arrives: that stands folded below until it is asked for.
 */
function Thread({
  id,
  party,
  onBack,
  onOpen,
}: {
  id: string;
  party: string;
  onBack: () => void;
  onOpen: (thread?: string) => void;
}) {
  const thread = useInfiniteQuery({
    queryKey: ["conversation", party, id],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v1/threads/{id}", {
          params: { path: { id }, query: { party, before: pageParam } },
        }),
      ),
    getNextPageParam: (page) => page.older ?? undefined,
    select: (data) => data.pages.toReversed().flatMap((page) => page.messages),
  });
  const { data, error } = shownOf(thread);
  const [others, setOthers] = useState(false);
  const [merging, setMerging] = useState(false);
  const composer = useComposer();
  const { split } = useThreadActions(id, onOpen);
  const withParty = data?.filter((found) => found.with_party) ?? [];
  const last = withParty.at(-1)?.message;
  const { lines, arrived, toggle, show } = useOpened(data, last, others, thread.isFetching);
  if (thread.isPending)
    return (
      <section className="reading">
        <div className={styles.loading}>
          <Skeleton height={60} mb={12} />
          <Skeleton height={240} />
        </div>
      </section>
    );
  if (!data)
    return (
      <section className="reading">
        <ErrorState error={error} retry={() => void thread.refetch()} />
      </section>
    );
  const without = data.length - withParty.length;
  // What is answered is the newest message of the other side; without one, one's own.
  const answered = withParty.findLast((found) => found.message.direction === "incoming")?.message ??
    last ?? { id: "" };
  return (
    <section className="reading thread" aria-label={texts.thread}>
      <header className="head">
        <Button className="back" variant="subtle" color="gray" size="compact-sm" onClick={onBack}>
          {texts.back}
        </Button>
        <h2>{last?.subject || texts.noSubject}</h2>
        {last && (
          <Group gap={12}>
            {last.right !== "see" && (
              <Button
                size="compact-md"
                leftSection={<IconArrowBackUp size={16} stroke={1.6} />}
                onClick={() => composer.answer(answered.id, "reply")}
              >
                {texts.reply}
              </Button>
            )}
            <Seal accountId={last.account_id} isSystem={last.is_system} />
            <span className={styles.count}>
              {texts.lastContacted}: <Time at={last.arrived_at} long />
            </span>
          </Group>
        )}
      </header>
      {thread.hasNextPage && (
        <Button
          variant="default"
          m={12}
          loading={thread.isFetchingNextPage}
          onClick={() => void thread.fetchNextPage()}
        >
          {texts.more}
        </Button>
      )}
      {lines.map(({ message, isOpen }) =>
        isOpen ? (
          <div key={message.id} className="opened" data-thread-message={message.id}>
            <ReadingPane
              id={message.id}
              onBack={onBack}
              onDeleted={() => {
                toggle(message.id);
                void thread.refetch();
              }}
              embedded={{
                onFold: () => toggle(message.id),
                menu: (
                  <ThreadItems
                    row={message}
                    alone={data.length === 1 && !thread.hasNextPage}
                    onSplit={() => split.mutate([message.id])}
                    onMerge={() => setMerging(true)}
                  />
                ),
              }}
            />
          </div>
        ) : (
          <button
            type="button"
            key={message.id}
            className={`folded ${message.unread ? "unread" : ""}`}
            data-thread-message={message.id}
            onClick={() => toggle(message.id)}
          >
            {message.outbox && message.outbox !== "sent" && <StateLabel state={message.outbox} />}
            <strong>
              {message.direction === "outgoing"
                ? message.owner_name
                : message.author_name || message.author_address}
            </strong>
            <span className="snippet">{message.snippet}</span>
            <Time at={message.arrived_at} />
          </button>
        ),
      )}
      {merging && last && (
        <MergeDialog party={party} row={last} onClose={() => setMerging(false)} onMerged={onOpen} />
      )}
      {without > 0 && (
        <Button variant="subtle" color="gray" m={12} onClick={() => setOthers(!others)}>
          {others ? texts.foldOthers : texts.notWithThisCustomer({ count: without })}
        </Button>
      )}
      <Arrived count={arrived} onShow={show} />
    </section>
  );
}

type Found = Schemas["ThreadMessageView"];

/** The messages of a thread in the order in which they are shown, and which of them are open. */
function useOpened(
  data: Found[] | undefined,
  last: Row | undefined,
  others: boolean,
  isFetching: boolean,
) {
  const queries = useQueryClient();
  const isSettled = data !== undefined && !isFetching;
  const { arrived, isNew, takeNote } = useArrivals(
    data?.map((found) => found.message),
    isSettled,
  );
  const [opened, setOpened] = useState<ReadonlySet<string>>();
  const [hasSettled, setHasSettled] = useState(false);
  const [sought, setSought] = useState<string>();
  // The last one is open at first: of what was kept of an earlier visit, and of what the server has then. Later ones are news.
  if (last && (!opened || (isSettled && !hasSettled))) {
    setHasSettled(isSettled);
    setOpened(new Set([...(opened ?? []), last.id]));
  }
  useEffect(() => {
    if (sought) document.querySelector(`[data-thread-message="${sought}"]`)?.scrollIntoView();
  }, [sought]);
  const listed = (data ?? []).filter((found) => found.with_party || others);
  // Deleted elsewhere while it is read: it stays, and says so.
  const gone = useGone(listed, opened);
  useEffect(() => {
    for (const { message } of gone)
      void queries.invalidateQueries({ queryKey: ["message", message.id] });
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [gone.length, queries]);
  const known = [...listed.filter((found) => !isNew(found.message.id)), ...gone].sort(
    (one, other) => one.message.arrived_at.localeCompare(other.message.arrived_at),
  );
  // What arrives late may be older than what is read; above it, it would push that away.
  const shown = [...known, ...listed.filter((found) => isNew(found.message.id))];
  return {
    lines: shown.map(({ message }) => ({ message, isOpen: opened?.has(message.id) ?? false })),
    arrived: arrived.length,
    toggle: (message: string) =>
      setOpened((before) => {
        const open = new Set(before);
        if (!open.delete(message)) open.add(message);
        return open;
      }),
    show: () => {
      takeNote();
      setOpened((before) => new Set([...(before ?? []), ...arrived.map((message) => message.id)]));
      setSought(arrived[0]?.id);
    },
  };
}

/** What is open and no longer in the thread, as it was. */
function useGone(listed: Found[], opened: ReadonlySet<string> | undefined): Found[] {
  const [seen, setSeen] = useState<Found[]>([]);
  const isListed = (found: Found) => listed.some((other) => other.message.id === found.message.id);
  if (listed.some((found) => !seen.some((other) => other.message.id === found.message.id)))
    setSeen([...seen.filter((found) => !isListed(found)), ...listed]);
  return seen.filter((found) => opened?.has(found.message.id) && !isListed(found));
}

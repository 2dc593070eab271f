/** Threads with this customer across the accounts that the viewer may see, and the one that is open. */
import { Button, Skeleton } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Avatar } from "../../components/Avatar";
import { Seal } from "../../components/Seal";
import { EmptyState, ErrorState } from "../../components/states";
import { exactTime, Time } from "../../components/time";
import { api, type Schemas, unwrap } from "../../client";
import { texts } from "../../texts";
import { ReadingPane } from "../inbox/ReadingPane";

type Line = Schemas["ConversationLineView"];

export function Communication({ party, openThread, onOpen }: { party: Schemas["PartyView"]; openThread?: string; onOpen: (thread?: string) => void }) {
  const pages = useInfiniteQuery({
    queryKey: ["conversation", party.id],
    initialPageParam: undefined as number | undefined,
    queryFn: ({ pageParam }) => unwrap(api.GET("/api/v1/parties/{id}/conversation", { params: { path: { id: party.id }, query: { before: pageParam } } })),
    getNextPageParam: (page) => (page.length < 50 ? undefined : page.at(-1)?.last_at_ms),
  });
  const lines = pages.data?.pages.flat() ?? [];
  return (
    <div className={`conversation ${openThread ? "has-open" : ""}`}>
      <div className="thread-list" role="list" aria-label={texts.communication}>
        {pages.isPending && <div style={{ padding: 16 }}><Skeleton height={48} mb={10} /><Skeleton height={48} /></div>}
        {pages.isError && <ErrorState error={pages.error} retry={() => void pages.refetch()} />}
        {pages.isSuccess && lines.length === 0 && <EmptyState title={texts.emptyInbox} hint={party.addresses.length > 0 ? texts.noConversationHint : texts.noAddressHint} />}
        {lines.map((line) => <ThreadLine key={line.thread_id} line={line} open={line.thread_id === openThread} onOpen={() => onOpen(line.thread_id)} />)}
        {pages.hasNextPage && <Button m={12} variant="default" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>{texts.more}</Button>}
      </div>
      {openThread ? <Thread key={openThread} id={openThread} party={party.id} onBack={() => onOpen(undefined)} /> : <section className="reading"><EmptyState title={lines.length > 0 ? texts.pickThread : ""} /></section>}
    </div>
  );
}

function ThreadLine({ line, open, onOpen }: { line: Line; open: boolean; onOpen: () => void }) {
  const { last } = line;
  return (
    <div role="listitem">
      <button type="button" className={`thread-line ${open ? "open" : ""} ${last.unread ? "unread" : ""}`} onClick={onOpen}>
        <Avatar name={last.direction === "outgoing" ? last.owner_name : last.author_name || "?"} unknown={false} />
        <span style={{ minWidth: 0, flex: 1 }}>
          <span className="subject">{last.subject || texts.noSubject}{line.messages > 1 && <span className="count figures">{line.messages}</span>}</span>
          <span className="contacted">{texts.lastContacted}: <Time at={line.last_at} long /> <span className="figures">({exactTime(new Date(line.last_at))})</span></span>
          <span className="snippet">{last.snippet}</span>
        </span>
      </button>
    </div>
  );
}

/** Older messages are one line each, the last one is open; those without this customer are folded together. */
function Thread({ id, party, onBack }: { id: string; party: string; onBack: () => void }) {
  const thread = useQuery({ queryKey: ["conversation", party, id], queryFn: () => unwrap(api.GET("/api/v1/threads/{id}", { params: { path: { id }, query: { party } } })) });
  const [opened, setOpened] = useState<string>();
  const [others, setOthers] = useState(false);
  if (thread.isPending) return <section className="reading"><div style={{ padding: 20 }}><Skeleton height={60} mb={12} /><Skeleton height={240} /></div></section>;
  if (thread.isError) return <section className="reading"><ErrorState error={thread.error} retry={() => void thread.refetch()} /></section>;
  const withParty = thread.data.filter((found) => found.with_party);
  const without = thread.data.length - withParty.length;
  const shown = others ? thread.data : withParty;
  const last = withParty.at(-1)?.message;
  const current = opened ?? last?.id;
  return (
    <section className="reading thread" aria-label="Thread">
      <header className="head">
        <Button className="back" variant="subtle" color="gray" size="compact-sm" onClick={onBack}>{texts.back}</Button>
        <h2>{last?.subject || texts.noSubject}</h2>
        {last && <Seal accountId={last.account_id} />}
      </header>
      {shown.map(({ message }) => message.id === current
        ? <div key={message.id} className="opened"><ReadingPane id={message.id} embedded onBack={onBack} onDeleted={() => void thread.refetch()} /></div>
        : (
          <button type="button" key={message.id} className="folded" onClick={() => setOpened(message.id)}>
            <strong>{message.direction === "outgoing" ? message.owner_name : message.author_name || message.author_address}</strong>
            <span className="snippet">{message.snippet}</span>
            <Time at={message.arrived_at} />
          </button>
        ))}
      {without > 0 && <Button variant="subtle" color="gray" m={12} onClick={() => setOthers(!others)}>{others ? texts.foldOthers : texts.notWithThisCustomer(without)}</Button>}
    </section>
  );
}

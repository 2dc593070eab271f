/** Threads with this customer across the accounts that the viewer may see, and the one that is open. */
import { Button, Group, Select, Skeleton, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconArrowBackUp, IconSearch } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Avatar } from "../../components/Avatar";
import { Seal } from "../../components/Seal";
import { EmptyState, ErrorState } from "../../components/states";
import { exactTime, Time } from "../../components/time";
import { api, type Schemas, unwrap } from "../../client";
import { texts } from "../../texts";
import { useComposer } from "../composer/context";
import { StateLabel } from "../outbox/Outbox";
import { ReadingPane } from "../inbox/ReadingPane";
import { MergeDialog, ThreadItems, useThreadActions } from "./threads";

type Line = Schemas["ConversationLineView"];

export function useConversation(party: string, show = "all", text = "") {
  return useInfiniteQuery({
    queryKey: ["conversation", party, show, text],
    initialPageParam: undefined as number | undefined,
    queryFn: ({ pageParam }) => unwrap(api.GET("/api/v1/parties/{id}/conversation", { params: { path: { id: party }, query: { ...(isKind(show) ? { show: "all", kind: show } : { show }), text: text || undefined, before: pageParam } } })),
    getNextPageParam: (page) => (page.length < 50 || text ? undefined : page.at(-1)?.last_at_ms),
    placeholderData: keepPreviousData,
  });
}

const isKind = (show: string) => show === "personal" || show === "system";

export function Communication({ party, openThread, onOpen }: { party: Schemas["PartyView"]; openThread?: string; onOpen: (thread?: string) => void }) {
  const [text, setText] = useState("");
  const [words] = useDebouncedValue(text, 200);
  const [show, setShow] = useState("all");
  const owners = useQuery({ queryKey: ["session", "owners"], queryFn: () => unwrap(api.GET("/api/v1/owners")) });
  const choices = [{ value: "all", label: texts.all }, { value: "my", label: texts.my }, ...(owners.data ?? []).map((owner) => ({ value: owner.id, label: owner.name })), { value: "personal", label: texts.personalKind }, { value: "system", label: texts.systemKind }];
  const pages = useConversation(party.id, show, words);
  const lines = pages.data?.pages.flat() ?? [];
  return (
    <div className={`conversation ${openThread ? "has-open" : ""}`}>
      <div className="thread-list">
        <div className="search" style={{ display: "flex", gap: 8 }}>
          <TextInput style={{ flex: 1 }} type="search" aria-label={texts.searchConversation} placeholder={texts.searchConversation} leftSection={<IconSearch size={16} stroke={1.6} />} value={text} onChange={(event) => setText(event.target.value)} />
          <Select w={120} aria-label={texts.showEmails} allowDeselect={false} data={choices} value={show} onChange={(value) => setShow(value ?? "all")} />
        </div>
        <div role="list" aria-label={texts.communication}>
        {pages.isPending && <div style={{ padding: 16 }}><Skeleton height={48} mb={10} /><Skeleton height={48} /></div>}
        {pages.isError && <ErrorState error={pages.error} retry={() => void pages.refetch()} />}
        {pages.isSuccess && lines.length === 0 && words && <EmptyState title={texts.nothingFound} hint={texts.nothingFoundHint} />}
        {pages.isSuccess && lines.length === 0 && !words && <EmptyState title={texts.emptyInbox} hint={party.addresses.length > 0 ? texts.noConversationHint : texts.noAddressHint} />}
        {lines.map((line) => <ThreadLine key={line.thread_id} line={line} open={line.thread_id === openThread} onOpen={() => onOpen(line.thread_id)} />)}
        {pages.hasNextPage && <Button m={12} variant="default" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>{texts.more}</Button>}
        </div>
      </div>
      {openThread ? <Thread key={openThread} id={openThread} party={party.id} onBack={() => onOpen(undefined)} onOpen={onOpen} /> : <section className="reading"><EmptyState title={lines.length > 0 ? texts.pickThread : ""} /></section>}
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
          <span className="subject">{last.is_system && <span className="label plain" style={{ marginRight: 6 }}>{texts.systemKind}</span>}{last.subject || texts.noSubject}{line.messages > 1 && <span className="count figures">{line.messages}</span>}</span>
          <span className="contacted">{texts.lastContacted}: <Time at={line.last_at} long /> <span className="figures">({exactTime(new Date(line.last_at))})</span></span>
          <span className="snippet">{last.snippet}</span>
          {line.also_in.length > 0 && <span className="contacted">{texts.alsoIn(line.also_in.map((other) => other.owner_name).join(", "))}</span>}
        </span>
      </button>
    </div>
  );
}

/** Older messages are one line each, the last one is open; those without this customer are folded together. */
function Thread({ id, party, onBack, onOpen }: { id: string; party: string; onBack: () => void; onOpen: (thread?: string) => void }) {
  const thread = useQuery({ queryKey: ["conversation", party, id], queryFn: () => unwrap(api.GET("/api/v1/threads/{id}", { params: { path: { id }, query: { party } } })) });
  const [opened, setOpened] = useState<string>();
  const [others, setOthers] = useState(false);
  const [merging, setMerging] = useState(false);
  const composer = useComposer();
  const { split } = useThreadActions(id, onOpen);
  if (thread.isPending) return <section className="reading"><div style={{ padding: 20 }}><Skeleton height={60} mb={12} /><Skeleton height={240} /></div></section>;
  if (thread.isError) return <section className="reading"><ErrorState error={thread.error} retry={() => void thread.refetch()} /></section>;
  const withParty = thread.data.filter((found) => found.with_party);
  const without = thread.data.length - withParty.length;
  const shown = others ? thread.data : withParty;
  const last = withParty.at(-1)?.message;
  const current = opened ?? last?.id;
  // What is answered is the newest message of the other side; without one, one's own.
  const answered = withParty.findLast((found) => found.message.direction === "incoming")?.message ?? last ?? { id: "" };
  return (
    <section className="reading thread" aria-label="Thread">
      <header className="head">
        <Button className="back" variant="subtle" color="gray" size="compact-sm" onClick={onBack}>{texts.back}</Button>
        <h2>{last?.subject || texts.noSubject}</h2>
        {last && <Group gap={12}>{last.right !== "see" && <Button size="compact-md" leftSection={<IconArrowBackUp size={16} stroke={1.6} />} onClick={() => composer.answer(answered.id, "reply")}>{texts.reply}</Button>}<Seal accountId={last.account_id} isSystem={last.is_system} /><span style={{ color: "var(--ink3)", fontSize: 13 }}>{texts.lastContacted}: <Time at={last.arrived_at} long /></span></Group>}
      </header>
      {shown.map(({ message }) => message.id === current
        ? <div key={message.id} className="opened"><ReadingPane id={message.id} onBack={onBack} onDeleted={() => void thread.refetch()} embedded={{ menu: <ThreadItems row={message} alone={thread.data.length === 1} onSplit={() => split.mutate([message.id])} onMerge={() => setMerging(true)} /> }} /></div>
        : (
          <button type="button" key={message.id} className="folded" onClick={() => setOpened(message.id)}>
            {message.outbox && message.outbox !== "sent" && <StateLabel state={message.outbox} />}
            <strong>{message.direction === "outgoing" ? message.owner_name : message.author_name || message.author_address}</strong>
            <span className="snippet">{message.snippet}</span>
            <Time at={message.arrived_at} />
          </button>
        ))}
      {merging && last && <MergeDialog party={party} row={last} onClose={() => setMerging(false)} onMerged={onOpen} />}
      {without > 0 && <Button variant="subtle" color="gray" m={12} onClick={() => setOthers(!others)}>{others ? texts.foldOthers : texts.notWithThisCustomer(without)}</Button>}
    </section>
  );
}

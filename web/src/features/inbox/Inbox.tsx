import { ActionIcon, Button, Group, Kbd, Modal, SegmentedControl, TextInput, Tooltip } from "@mantine/core";
import { useDebouncedCallback, useLocalStorage } from "@mantine/hooks";
import { IconLayoutList, IconList, IconRefresh, IconSearch } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useRef, useState } from "react";
import { useKeys } from "../../components/useKeys";
import { EmptyState, ErrorState, RowsSkeleton } from "../../components/states";
import { api, unwrap } from "../../client";
import { type InboxSearch, inboxRoute } from "../../router";
import { useAccounts } from "../../session";
import { texts } from "../../texts";
import { useMessageActions } from "./actions";
import { ExportMenu } from "../../components/ExportMenu";
import { FilterMenu } from "./FilterMenu";
import { MessageList } from "./MessageList";
import { exportScope, type Row, useMessages } from "./query";
import { ReadingPane } from "./ReadingPane";

const NONE: Row[] = [];

export function Inbox() {
  const search = inboxRoute.useSearch();
  const navigate = useNavigate({ from: "/inbox" });
  const messages = useMessages(search);
  const rows = useMemo(() => messages.data?.pages.flatMap((page) => page.messages) ?? NONE, [messages.data]);
  const change = (part: Partial<InboxSearch>) => void navigate({ search: (before) => ({ ...before, ...part }), replace: true });
  const open = (id?: string) => void navigate({ search: (before) => ({ ...before, open: id }) });
  const selection = useSelection(rows);
  const actions = useMessageActions();
  const [help, setHelp] = useState(false);
  const [compact, setCompact] = useLocalStorage({ key: "waxseal-compact-rows", defaultValue: false });
  const searchBox = useRef<HTMLInputElement>(null);
  const current = rows.findIndex((row) => row.id === search.open);
  const go = (step: number) => open(rows[Math.min(Math.max(current + step, 0), rows.length - 1)]?.id);
  const targets = () => (selection.ids.size > 0 ? [...selection.ids] : search.open ? [search.open] : []);
  const remove = (ids: string[]) => {
    if (ids.length === 0) return;
    actions.remove.mutate({ ids });
    selection.clear();
    if (search.open && ids.includes(search.open)) open(rows[current + 1]?.id);
  };
  useKeys({
    j: () => go(1),
    k: () => go(-1),
    Enter: () => current < 0 && open(rows[0]?.id),
    Escape: () => (selection.ids.size > 0 ? selection.clear() : open(undefined)),
    e: () => actions.setRead.mutate({ ids: targets(), read: true }),
    "#": () => remove(targets()),
    "/": () => searchBox.current?.focus(),
    "?": () => setHelp(true),
  });
  return (
    <div className={`inbox ${search.open ? "has-open" : ""}`}>
      <div className="list-column">
        {selection.ids.size > 0
          ? <BulkBar count={selection.ids.size} clear={selection.clear} remove={() => remove(targets())} setRead={(read) => actions.setRead.mutate({ ids: targets(), read })} />
          : <Toolbar search={search} change={change} compact={compact} setCompact={setCompact} />}
        <SearchBox key={search.show} initial={search.text ?? ""} change={(text) => change({ text: text || undefined })} box={searchBox} />
        <Banner />
        {messages.isPending && <RowsSkeleton />}
        {messages.isError && rows.length === 0 && <ErrorState error={messages.error} retry={() => void messages.refetch()} />}
        {messages.isSuccess && rows.length === 0 && <NoRows search={search} />}
        {rows.length > 0 && (
          <MessageList rows={rows} compact={compact} openId={search.open} cursorId={search.open} selected={selection.ids}
            onOpen={(row) => open(row.id)} onSelect={selection.toggle}
            onRead={(row, read) => actions.setRead.mutate({ ids: [row.id], read })}
            onDelete={(row) => (row.deleted ? actions.restore.mutate([row.id]) : remove([row.id]))}
            more={() => { if (messages.hasNextPage && !messages.isFetchingNextPage) void messages.fetchNextPage(); }} />
        )}
      </div>
      <ReadingPane id={search.open} onBack={() => open(undefined)} onDeleted={() => open(rows[current + 1]?.id)} onStep={go} />
      <Modal opened={help} onClose={() => setHelp(false)} title={texts.keyboard}><Keys /></Modal>
    </div>
  );
}

function useSelection(rows: Row[]) {
  const [ids, setIds] = useState<Set<string>>(new Set());
  const [anchor, setAnchor] = useState<string>();
  const toggle = (row: Row, range: boolean) => {
    const next = new Set(ids);
    const from = rows.findIndex((other) => other.id === anchor);
    const to = rows.indexOf(row);
    if (range && from >= 0) {
      for (const other of rows.slice(Math.min(from, to), Math.max(from, to) + 1)) next.add(other.id);
    } else if (!next.delete(row.id)) {
      next.add(row.id);
    }
    setAnchor(row.id);
    setIds(next);
  };
  return { ids, toggle, clear: () => setIds(new Set()) };
}

function Toolbar({ search, change, compact, setCompact }: {
  search: InboxSearch;
  change: (part: Partial<InboxSearch>) => void;
  compact: boolean;
  setCompact: (compact: boolean) => void;
}) {
  const queries = useQueryClient();
  // Of the press alone: what events bring in turns no wheel.
  const [refreshing, setRefreshing] = useState(false);
  const refresh = async () => {
    setRefreshing(true);
    await queries.invalidateQueries({ queryKey: ["messages"] }).finally(() => setRefreshing(false));
  };
  const owners = useQuery({ queryKey: ["session", "owners"], queryFn: () => unwrap(api.GET("/api/v1/owners")) });
  const choices = [{ value: "my", label: texts.my }, { value: "all", label: texts.all }, ...(owners.data ?? []).map((owner) => ({ value: owner.id, label: owner.name }))];
  return (
    <div className="toolbar">
      <h1>{texts.inbox}</h1>
      {owners.data && owners.data.length > 0 && (
        <SegmentedControl size="xs" aria-label={texts.showEmails} data={choices} value={search.show ?? "all"} onChange={(show) => change({ show: show === "all" ? undefined : show, open: undefined })} />
      )}
      <Group gap={2} ml="auto">
        <FilterMenu search={search} change={change} />
        <ExportMenu scope={exportScope(search)} quiet />
        <Tooltip label={texts.compactRows}>
          <ActionIcon className="density" variant="subtle" color="gray" size="lg" aria-label={texts.compactRows} aria-pressed={compact} onClick={() => setCompact(!compact)}>{compact ? <IconLayoutList size={18} stroke={1.6} /> : <IconList size={18} stroke={1.6} />}</ActionIcon>
        </Tooltip>
        <Tooltip label={texts.refresh}>
          <ActionIcon variant="subtle" color="gray" size="lg" aria-label={texts.refresh} loading={refreshing} onClick={() => void refresh()}><IconRefresh size={18} stroke={1.6} /></ActionIcon>
        </Tooltip>
      </Group>
    </div>
  );
}

function BulkBar({ count, clear, remove, setRead }: { count: number; clear: () => void; remove: () => void; setRead: (read: boolean) => void }) {
  return (
    <div className="toolbar" role="toolbar" aria-label="Actions">
      <strong>{texts.selected(count)}</strong>
      <Group gap={6} ml="auto">
        <Button size="compact-sm" variant="default" onClick={() => setRead(true)}>{texts.markRead}</Button>
        <Button size="compact-sm" variant="default" onClick={() => setRead(false)}>{texts.markUnread}</Button>
        <Button size="compact-sm" onClick={remove}>{texts.deleteMessage}</Button>
        <Button size="compact-sm" variant="subtle" color="gray" onClick={clear}>{texts.cancel}</Button>
      </Group>
    </div>
  );
}

function SearchBox({ initial, change, box }: { initial: string; change: (text: string) => void; box: React.RefObject<HTMLInputElement | null> }) {
  const [text, setText] = useState(initial);
  const later = useDebouncedCallback(change, 250);
  return (
    <div className="search">
      <TextInput ref={box} type="search" aria-label={texts.searchPlaceholder} placeholder={texts.searchPlaceholder} leftSection={<IconSearch size={17} stroke={1.6} />} rightSection={<Kbd size="xs">/</Kbd>}
        value={text} onChange={(event) => { setText(event.target.value); later(event.target.value); }} onKeyDown={(event) => { if (event.key === "Escape") event.currentTarget.blur(); }} />
    </div>
  );
}

function Banner() {
  const accounts = useAccounts();
  const off = accounts.data?.length && accounts.data.every((account) => !account.tracking.enabled);
  if (!off) return null;
  return <div className="notice" style={{ margin: 10 }} role="status">{texts.trackingOff} <Link to="/profile/email-account" style={{ color: "var(--wax)" }}>{texts.turnOn}</Link></div>;
}

function NoRows({ search }: { search: InboxSearch }) {
  const accounts = useAccounts();
  const filtered = Object.entries(search).some(([name, value]) => name !== "open" && value !== undefined);
  if (filtered) return <EmptyState title={texts.nothingFound} hint={texts.nothingFoundHint} />;
  if (accounts.data?.length === 0) {
    return (
      <EmptyState title={texts.noAccount} hint={texts.noAccountHint}>
        <Link to="/profile/email-account"><Button component="span" mt={8}>{texts.noAccount}</Button></Link>
      </EmptyState>
    );
  }
  return <EmptyState title={texts.emptyInbox} hint={texts.emptyInboxHint} />;
}

const KEYS: [string, string][] = [["j / k", "Next, previous"], ["Enter", "Open the first"], ["e", "Mark read"], ["#", "Delete"], ["/", "Search"], ["r / a / f", "Reply, reply all, forward"], ["c", "Write"], ["Ctrl Enter", "Send"], ["p", "Pair"], ["b", "Block"], ["Esc", "Close"], ["g c", "Go to Customers"], ["g i", "Go to Inbox"], ["g e", "Go to Email account"], ["g p", "Go to My profile"], ["Ctrl K", "Open anything by name"], ["?", "This list"]];

function Keys() {
  return <dl style={{ display: "grid", gridTemplateColumns: "max-content 1fr", gap: "8px 18px", margin: 0 }}>{KEYS.map(([key, does]) => <div key={key} style={{ display: "contents" }}><dt><Kbd>{key}</Kbd></dt><dd style={{ margin: 0 }}>{does}</dd></div>)}</dl>;
}

import {
  ActionIcon,
  Button,
  Group,
  Kbd,
  SegmentedControl,
  TextInput,
  Tooltip,
} from "@mantine/core";
import { useDebouncedCallback, useLocalStorage } from "@mantine/hooks";
import {
  IconLayoutList,
  IconList,
  IconMail,
  IconMailOpened,
  IconRefresh,
  IconRestore,
  IconSearch,
  IconTrash,
  IconX,
} from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import { notifications } from "@mantine/notifications";
import { useKeys } from "../../components/useKeys";
import { EmptyState, ErrorState, RowsSkeleton, shownOf } from "../../components/states";
import { api, unwrap } from "../../client";
import { type InboxSearch, inboxRoute } from "../../router";
import { useAccounts } from "../../session";
import { texts } from "../../texts";
import { useMessageActions } from "./actions";
import { type AuthorAct, AuthorDialog } from "./AuthorDialog";
import { ExportMenu } from "../../components/ExportMenu";
import { FilterLine, FilterMenu } from "./FilterMenu";
import { focusedRow, mayDelete, MessageList } from "./MessageList";
import { exportScope, type Row, useMessages } from "./query";
import { ReadingPane, useAnswer } from "./ReadingPane";
import look from "../../design/look.module.css";
import styles from "./Inbox.module.css";

const NONE: Row[] = [];

export function Inbox() {
  const search = inboxRoute.useSearch();
  const navigate = useNavigate({ from: "/inbox" });
  const messages = useMessages(search);
  const shown = shownOf(messages);
  const rows = useMemo(
    () => shown.data?.pages.flatMap((page) => page.messages) ?? NONE,
    [shown.data],
  );
  const change = (part: Partial<InboxSearch>) =>
    void navigate({ search: (before) => ({ ...before, ...part }), replace: true });
  const open = (id?: string) => void navigate({ search: (before) => ({ ...before, open: id }) });
  const selection = useSelection(rows);
  const actions = useMessageActions();
  const answer = useAnswer();
  const [deciding, setDeciding] = useState<{ row: Row; act: AuthorAct }>();
  const [compact, setCompact] = useLocalStorage({
    key: "waxseal-compact-rows",
    defaultValue: false,
  });
  const searchBox = useRef<HTMLInputElement>(null);
  const current = rows.findIndex((row) => row.id === search.open);
  const place = usePlace(current);
  const go = (step: number) => open(rows[Math.min(Math.max(place(step), 0), rows.length - 1)]?.id);
  const restore = (ids: string[]) => {
    actions.restore(ids);
    selection.clear();
  };
  /** What the keys are for: what is selected, what is open, or the row that has the focus. */
  const focused = () => search.open ?? focusedRow();
  const targets = () => {
    const one = focused();
    return selection.ids.size > 0 ? [...selection.ids] : one ? [one] : [];
  };
  const remove = (ids: string[]) => {
    // What is deleted already is not deleted further.
    if (ids.length === 0 || search.deleted) return;
    if (rows.some((row) => ids.includes(row.id) && !mayDelete(row))) {
      notifications.show({ message: texts.mayNotDelete });
      return;
    }
    actions.remove(ids);
    selection.clear();
    if (search.open && ids.includes(search.open))
      open(rows.slice(current + 1).find((row) => !ids.includes(row.id))?.id);
  };
  useGoneElsewhere(search.open, current, shown.data !== undefined && !messages.isPlaceholderData);
  useKeys({
    j: { does: texts.next, run: () => go(1) },
    k: { does: texts.previous, run: () => go(-1) },
    Enter: { does: texts.openTheFirst, run: () => current < 0 && open(rows[0]?.id) },
    Escape: {
      does: texts.close,
      run: () => (selection.ids.size > 0 ? selection.clear() : open(undefined)),
    },
    x: {
      does: texts.select,
      run: () => {
        const row = rows.find(({ id }) => id === focused());
        if (row) selection.toggle(row, false);
      },
    },
    e: {
      does: texts.markRead,
      run: () => actions.setRead(targets(), true),
    },
    "#": { does: texts.deleteIt, run: () => remove(targets()) },
    "/": { does: texts.search, run: () => searchBox.current?.focus() },
  });
  return (
    <div className={`inbox ${search.open ? "has-open" : ""}`}>
      <div className="list-column">
        {selection.ids.size > 0 ? (
          <BulkBar
            count={selection.ids.size}
            clear={selection.clear}
            remove={search.deleted ? undefined : () => remove(targets())}
            restore={search.deleted ? () => restore(targets()) : undefined}
            setRead={(read) => actions.setRead(targets(), read)}
          />
        ) : (
          <Toolbar search={search} change={change} compact={compact} setCompact={setCompact} />
        )}
        <SearchBox
          key={search.show}
          initial={search.text ?? ""}
          change={(text) => change({ text: text || undefined })}
          box={searchBox}
        />
        <FilterLine search={search} change={change} />
        <Banner />
        {(messages.isPending || (rows.length === 0 && messages.hasNextPage)) && <RowsSkeleton />}
        {shown.error && <ErrorState error={shown.error} retry={() => void messages.refetch()} />}
        {messages.isSuccess && rows.length === 0 && !messages.hasNextPage && (
          <NoRows search={search} />
        )}
        {rows.length > 0 && (
          <MessageList
            rows={rows}
            compact={compact}
            openId={search.open}
            cursorId={search.open}
            selected={selection.ids}
            // Where a finger points, a tap goes on selecting.
            onOpen={(row, byFinger) =>
              byFinger && selection.ids.size > 0 ? selection.toggle(row, false) : open(row.id)
            }
            onAnswer={answer}
            onAuthor={(row, act) => setDeciding({ row, act })}
            onStep={go}
            onSelect={selection.toggle}
            onRead={(row, read) => actions.setRead([row.id], read)}
            onDelete={(row) => (row.deleted ? restore([row.id]) : remove([row.id]))}
            more={() => {
              if (messages.hasNextPage && !messages.isFetchingNextPage)
                void messages.fetchNextPage();
            }}
          />
        )}
      </div>
      <ReadingPane
        id={search.open}
        onBack={() => open(undefined)}
        onDeleted={() => open(rows[current + 1]?.id)}
        onStep={go}
        onShow={open}
      />
      {deciding && <AuthorDialog {...deciding} onClose={() => setDeciding(undefined)} />}
    </div>
  );
}

/** From where j and k go. A message that is read, or deleted, may leave the list while it is open: then from where it was. */
function usePlace(current: number): (step: number) => number {
  const last = useRef(-1);
  useEffect(() => {
    if (current >= 0) last.current = current;
  }, [current]);
  return (step) =>
    current >= 0 || last.current < 0 ? current + step : last.current + (step > 0 ? step - 1 : step);
}

/** What leaves the list while it is open may have been deleted elsewhere: then the pane says so. */
function useGoneElsewhere(open: string | undefined, current: number, isLoaded: boolean) {
  const queries = useQueryClient();
  const listed = useRef<string | undefined>(undefined);
  useEffect(() => {
    if (!isLoaded) return;
    if (open && current < 0 && listed.current === open)
      void queries.invalidateQueries({ queryKey: ["message", open] });
    listed.current = current >= 0 ? open : undefined;
  }, [open, current, isLoaded, queries]);
}

/** Only what is listed is selected: nothing is done to a message that a filter hides. */
function useSelection(rows: Row[]) {
  const [picked, setIds] = useState<Set<string>>(new Set());
  const ids = useMemo(
    () =>
      new Set(picked.size > 0 ? rows.filter((row) => picked.has(row.id)).map((row) => row.id) : []),
    [picked, rows],
  );
  const [anchor, setAnchor] = useState<string>();
  const toggle = (row: Row, range: boolean) => {
    const next = new Set(ids);
    const from = rows.findIndex((other) => other.id === anchor);
    const to = rows.indexOf(row);
    if (range && from >= 0) {
      for (const other of rows.slice(Math.min(from, to), Math.max(from, to) + 1))
        next.add(other.id);
    } else if (!next.delete(row.id)) {
      next.add(row.id);
    }
    setAnchor(row.id);
    setIds(next);
  };
  return { ids, toggle, clear: () => setIds(new Set()) };
}

function Toolbar({
  search,
  change,
  compact,
  setCompact,
}: {
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
  const owners = useQuery({
    queryKey: ["session", "owners"],
    queryFn: () => unwrap(api.GET("/api/v1/owners")),
  });
  const choices = [
    { value: "my", label: texts.my },
    { value: "all", label: texts.all },
    ...(owners.data ?? []).map((owner) => ({ value: owner.id, label: owner.name })),
  ];
  return (
    <div className="toolbar">
      <h1>{texts.inbox}</h1>
      {owners.data && owners.data.length > 0 && (
        <SegmentedControl
          size="xs"
          aria-label={texts.showEmails}
          data={choices}
          value={search.show ?? "all"}
          onChange={(show) => change({ show: show === "all" ? undefined : show, open: undefined })}
        />
      )}
      <Group gap={2} ml="auto">
        <FilterMenu search={search} change={change} />
        <ExportMenu scope={exportScope(search)} quiet />
        <Tooltip label={texts.compactRows}>
          <ActionIcon
            className="density"
            variant="subtle"
            color="gray"
            size="lg"
            aria-label={texts.compactRows}
            aria-pressed={compact}
            onClick={() => setCompact(!compact)}
          >
            {compact ? (
              <IconLayoutList size={18} stroke={1.6} />
            ) : (
              <IconList size={18} stroke={1.6} />
            )}
          </ActionIcon>
        </Tooltip>
        <Tooltip label={texts.refresh}>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="lg"
            aria-label={texts.refresh}
            loading={refreshing}
            onClick={() => void refresh()}
          >
            <IconRefresh size={18} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
      </Group>
    </div>
  );
}

function BulkBar({
  count,
  clear,
  remove,
  restore,
  setRead,
}: {
  count: number;
  clear: () => void;
  remove?: () => void;
  restore?: () => void;
  setRead: (read: boolean) => void;
}) {
  return (
    <div className="toolbar" role="toolbar" aria-label={texts.actions}>
      <strong>{texts.selected({ count })}</strong>
      <Group gap={6} ml="auto" wrap="nowrap">
        <BulkAct label={texts.markRead} icon={IconMailOpened} onClick={() => setRead(true)} />
        <BulkAct label={texts.markUnread} icon={IconMail} onClick={() => setRead(false)} />
        {remove && <BulkAct label={texts.deleteMessage} icon={IconTrash} onClick={remove} />}
        {restore && <BulkAct label={texts.restore} icon={IconRestore} onClick={restore} />}
        <BulkAct label={texts.cancel} icon={IconX} onClick={clear} />
      </Group>
    </div>
  );
}

/** On a narrow screen its icon alone: the bar must be as high as the one in whose place it stands. */
function BulkAct({
  label,
  icon: Icon,
  onClick,
}: {
  label: string;
  icon: typeof IconX;
  onClick: () => void;
}) {
  return (
    <Button
      className={styles.bulk}
      size="compact-sm"
      variant="default"
      aria-label={label}
      leftSection={<Icon size={16} stroke={1.6} />}
      onClick={onClick}
    >
      <span className="wide-only">{label}</span>
    </Button>
  );
}

function SearchBox({
  initial,
  change,
  box,
}: {
  initial: string;
  change: (text: string) => void;
  box: React.RefObject<HTMLInputElement | null>;
}) {
  const [text, setText] = useState(initial);
  const later = useDebouncedCallback(change, 250);
  return (
    <div className="search">
      <TextInput
        ref={box}
        type="search"
        aria-label={texts.searchPlaceholder}
        placeholder={texts.searchPlaceholder}
        leftSection={<IconSearch size={17} stroke={1.6} />}
        rightSection={<Kbd size="xs">/</Kbd>}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          later(event.target.value);
        }}
        onKeyDown={(event) => {
          if (event.key === "Escape") event.currentTarget.blur();
        }}
      />
    </div>
  );
}

function Banner() {
  const accounts = useAccounts();
  const off = accounts.data?.length && accounts.data.every((account) => !account.tracking.enabled);
  if (!off) return null;
  return (
    <div className={`notice ${styles.banner}`} role="status">
      {texts.trackingOff}{" "}
      <Link to="/profile/email-account" className={look.wax}>
        {texts.turnOn}
      </Link>
    </div>
  );
}

function NoRows({ search }: { search: InboxSearch }) {
  const accounts = useAccounts();
  const filtered = Object.entries(search).some(
    ([name, value]) => name !== "open" && value !== undefined,
  );
  if (filtered) return <EmptyState title={texts.nothingFound} hint={texts.nothingFoundHint} />;
  if (accounts.data?.length === 0) {
    return (
      <EmptyState title={texts.noAccount} hint={texts.noAccountHint}>
        <Link to="/profile/email-account">
          <Button component="span" mt={8}>
            {texts.noAccount}
          </Button>
        </Link>
      </EmptyState>
    );
  }
  return <EmptyState title={texts.emptyInbox} hint={texts.emptyInboxHint} />;
}

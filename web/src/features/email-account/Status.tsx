import { Button, Progress, TextInput } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { span, Time } from "../../components/time";
import { number } from "../../formats";
import { api, type Schemas, unwrap } from "../../client";
import { texts } from "../../texts";
import styles from "./Status.module.css";

const STATES: Record<string, { label: string; hint: string; style: string }> = {
  off: { label: texts.off, hint: texts.nothingIsFetched, style: "" },
  connecting: { label: texts.connecting, hint: texts.signingIn, style: "state-busy" },
  syncing: { label: texts.syncing, hint: texts.fetchingMail, style: "state-busy" },
  connected: { label: texts.connected, hint: texts.newMailArrivesAt, style: "state-connected" },
  failing: { label: texts.failing, hint: texts.triesAgainByItself, style: "state-failing" },
  certificate_changed: {
    label: texts.anotherCertificate,
    hint: texts.waitsUntilYouPin,
    style: "state-failing",
  },
  sign_in_again: {
    label: texts.signInAgainState,
    hint: texts.waitsForYouAt,
    style: "state-failing",
  },
  login_refused: {
    label: texts.loginRefused,
    hint: texts.waitsForNewPassword,
    style: "state-failing",
  },
};

const REASONS: Record<string, string> = {
  denied: texts.onDenyList,
  already_read: texts.alreadyReadWhenFirst,
  before_history: texts.olderThanChosenDay,
  archived: texts.inAllMailNeither,
  while_off: texts.arrivedWhileProcessingWas,
  deleted: texts.deletedHere,
  too_large: texts.largerThan100Mib,
  not_delivered: texts.listedButNotGiven,
};

export function Status({ account }: { account: Schemas["AccountView"] }) {
  const queries = useQueryClient();
  const params = { params: { path: { id: account.id } } };
  const status = useQuery({
    queryKey: ["status", account.id],
    queryFn: () => unwrap(api.GET("/api/v1/accounts/{id}/status", params)),
    refetchInterval: (query) =>
      query.state.data?.state === "syncing" || query.state.data?.audit?.is_due ? 1_000 : 30_000,
  });
  const sync = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/accounts/{id}/sync", params)),
  });
  const gap = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/accounts/{id}/fetch-gap", params)),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["status", account.id] }),
  });
  const data = status.data;
  if (!data) return <section className={`card status ${styles.loading}`} aria-busy />;
  const state = STATES[data.state] ?? { label: data.state, hint: "", style: "" };
  const skipped = data.skipped.reduce((sum, one) => sum + one.count, 0);
  return (
    <section className="card" aria-label={texts.status}>
      <div className="status">
        <Figure value={state.label} label={state.hint} className={state.style} />
        <Figure
          value={number(data.messages)}
          label={texts.messagesHere({ count: data.messages, server: data.on_server })}
        />
        <Figure value={number(skipped)} label={texts.skipped} />
        {data.last_sync_at && (
          <Figure value={<Time at={data.last_sync_at} />} label={texts.lastSync} />
        )}
        <Button
          ml="auto"
          variant="default"
          leftSection={<IconRefresh size={16} stroke={1.6} />}
          loading={sync.isPending}
          disabled={data.state === "off"}
          onClick={() => sync.mutate()}
        >
          {texts.syncNow}
        </Button>
      </div>
      {data.progress && <Running progress={data.progress} />}
      {data.has_history && data.state !== "off" && (
        <History account={account} rest={data.history_rest} />
      )}
      {data.error && (
        <div className={`notice ${styles.error}`} role="alert">
          <span>
            {data.error}{" "}
            {data.next_try_at && (
              <>
                {texts.nextTry} <Time at={data.next_try_at} long />.
              </>
            )}
          </span>
        </div>
      )}
      {data.skipped.length > 0 && (
        <ul className={styles.skipped}>
          {data.skipped.map((one) => (
            <li key={`${one.reason}${one.deny_line}`}>
              {one.count} {REASONS[one.reason] ?? one.reason}
              {one.deny_line && (
                <>
                  {" "}
                  (<code>{one.deny_line}</code>)
                </>
              )}
              {one.reason === "while_off" && (
                <>
                  {" "}
                  <Button
                    size="compact-xs"
                    variant="default"
                    loading={gap.isPending}
                    onClick={() => gap.mutate()}
                  >
                    {texts.fetchTheGap}
                  </Button>
                </>
              )}
            </li>
          ))}
        </ul>
      )}
      <Completeness account={account.id} audit={data.audit} state={data.state} />
      <Explain />
      {data.opened_by.length > 0 && (
        <OpenedBy account={account.id} opened={data.opened_by} older={data.opened_older} />
      )}
    </section>
  );
}

/** Old mail that is left to be fetched: going on, or at rest. */
function History({ account, rest }: { account: Schemas["AccountView"]; rest?: string | null }) {
  const queries = useQueryClient();
  const paused = rest === "paused";
  const change = useMutation({
    mutationFn: () =>
      unwrap(
        api.PUT("/api/v1/accounts/{id}/tracking", {
          params: { path: { id: account.id } },
          body: { ...account.tracking, history_paused: !paused },
        }),
      ),
    onSuccess: () =>
      Promise.all(
        [["accounts"], ["status", account.id]].map((queryKey) =>
          queries.invalidateQueries({ queryKey }),
        ),
      ),
  });
  return (
    <div className="status-line">
      <span>{texts.historyRests[rest ?? "none"]}</span>
      {rest !== "daily_limit" && (
        <Button
          size="compact-sm"
          variant="default"
          loading={change.isPending}
          onClick={() => change.mutate()}
        >
          {paused ? texts.resumeHistory : texts.pauseHistory}
        </Button>
      )}
    </div>
  );
}

/** "N on the server, N here, 0 missing": the last comparison, and another one. */
function Completeness({
  account,
  audit,
  state,
}: {
  account: string;
  audit: Schemas["CompletenessView"] | null | undefined;
  state: string;
}) {
  const queries = useQueryClient();
  const ask = useMutation({
    mutationFn: () =>
      unwrap(api.POST("/api/v1/accounts/{id}/audit", { params: { path: { id: account } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["status", account] }),
  });
  const off = state === "off";
  const waits = audit?.is_due === true && STATES[state]?.style === "state-failing";
  const busy = ask.isPending || (audit?.is_due === true && !off && !waits);
  const sum = (of: (folder: Schemas["FolderAuditView"]) => number) =>
    (audit?.folders ?? []).reduce((total, folder) => total + of(folder), 0);
  const missing = sum((folder) => folder.missing);
  const parts =
    audit &&
    [
      texts.onServer({ count: sum((folder) => folder.on_server) }),
      texts.here({ count: sum((folder) => folder.here) }),
      texts.missing({ count: missing }),
      sum((folder) => folder.fetched) > 0 &&
        texts.wereMissing({ count: sum((folder) => folder.fetched) }),
      sum((folder) => folder.skipped) > 0 &&
        texts.skippedCount({ count: sum((folder) => folder.skipped) }),
      sum((folder) => folder.older) > 0 &&
        texts.olderCount({ count: sum((folder) => folder.older) }),
      sum((folder) => folder.gone) > 0 && texts.goneCount({ count: sum((folder) => folder.gone) }),
    ]
      .filter(Boolean)
      .join(", ");
  return (
    <div className="status-line">
      <span>
        {audit && audit.folders.length > 0 ? (
          <>
            <b className={missing > 0 ? "state-failing" : "state-connected"}>
              {missing > 0 ? texts.incomplete : texts.complete}
            </b>
            : {parts}
            {texts.compared} <Time at={audit.made_at} long />.
          </>
        ) : (
          texts.neverCompared
        )}
        {waits && ` ${texts.comparedLater}`}
      </span>
      <Button
        size="compact-sm"
        variant="default"
        loading={busy}
        disabled={off || waits}
        onClick={() => ask.mutate()}
      >
        {texts.compare}
      </Button>
    </div>
  );
}

/** "Why is this (not) here, and who can see it?" */
function Explain() {
  const [typed, setTyped] = useState("");
  const explain = useMutation({
    mutationFn: (of: string) => unwrap(api.GET("/api/v1/explain", { params: { query: { of } } })),
  });
  return (
    <details className="status-more">
      <summary>{texts.whyMissing}</summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          explain.mutate(typed);
        }}
        className="explain"
      >
        <TextInput
          aria-label={texts.explainWhat}
          placeholder={texts.explainWhat}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          error={explain.error?.message}
          flex={1}
        />
        <Button type="submit" variant="default" loading={explain.isPending}>
          {texts.explain}
        </Button>
      </form>
      {explain.data?.accounts.map((one) => (
        <div key={one.account_id} className="explained">
          <b>{one.address}</b>
          <ul>
            {one.lines.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
          {one.message_id && (
            <Link to="/inbox" search={{ open: one.message_id }}>
              {texts.openNewest}
            </Link>
          )}
        </div>
      ))}
      {explain.data?.accounts.length === 0 && <p>{texts.explainNothing}</p>}
    </details>
  );
}

const VERBS: Record<string, string> = {
  opened: texts.openedAMessage,
  exported: texts.exportedTheAccount,
  tested: texts.testedTheConnection,
  access_confirmed: texts.confirmedAccess,
  access_given: texts.gaveAccess,
  access_ended: texts.endedAccess,
  unsealed: texts.openedTheSeal,
  password_stored: texts.storedAPassword,
  certificate_pinned: texts.pinnedACertificate,
  signed_in_at_provider: texts.signedInAtProvider,
  signed_out_at_provider: texts.disconnectedTheProvider,
};

/** What nobody did, and the owner should know. */
const BY_ITSELF: Record<string, string> = {
  no_trash: texts.noTrash,
  not_done_there: texts.notDoneThere,
  audit_given_up: texts.auditGivenUp,
  sign_in_over: texts.signInWasOver,
};

/** Who looked, for the owner alone. */
function OpenedBy({
  account,
  opened,
  older,
}: {
  account: string;
  opened: Schemas["OpenedView"][];
  older?: string | null;
}) {
  const colleagues = useQuery({
    queryKey: ["administrators"],
    queryFn: () => unwrap(api.GET("/api/v1/administrators")),
  });
  const names = new Map((colleagues.data ?? []).map((one) => [one.id, one.name]));
  // The first are on the status; the rest is asked for.
  const more = useInfiniteQuery({
    queryKey: ["status", account, "opened", older],
    enabled: false,
    initialPageParam: older ?? undefined,
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v1/accounts/{id}/opened", {
          params: { path: { id: account }, query: { before: pageParam } },
        }),
      ),
    getNextPageParam: (page) => page.older ?? undefined,
  });
  const lines = [...opened, ...(more.data?.pages.flatMap((page) => page.lines) ?? [])];
  const hasMore = more.data ? more.hasNextPage : Boolean(older);
  return (
    <details className="status-more">
      <summary>{texts.whoOpenedWhat}</summary>
      <ul className={styles.opened}>
        {lines.map((one, index) => (
          <li key={index}>
            {BY_ITSELF[one.verb] ??
              `${one.administrator_id ? (names.get(one.administrator_id) ?? texts.somebody) : texts.theCommandLine} ${VERBS[one.verb] ?? one.verb}`}
            , <Time at={one.at} long />
          </li>
        ))}
      </ul>
      {hasMore && (
        <Button
          mt={8}
          variant="default"
          size="compact-sm"
          loading={more.isFetching}
          onClick={() => void (more.data ? more.fetchNextPage() : more.refetch())}
        >
          {texts.more}
        </Button>
      )}
    </details>
  );
}

function Figure({
  value,
  label,
  className = "",
}: {
  value: React.ReactNode;
  label: string;
  className?: string;
}) {
  return (
    <div>
      <div className={`big figures ${className}`}>{value}</div>
      <div className="small">{label}</div>
    </div>
  );
}

function Running({ progress }: { progress: Schemas["ProgressView"] }) {
  const share = progress.total > 0 ? progress.done / progress.total : 0;
  // The server's last answer is as of now; a second's age does not matter for an estimate.
  const left =
    share > 0.02
      ? Math.round(
          (Date.parse(progress.started_at)
            ? (new Date().getTime() - Date.parse(progress.started_at)) / 1000
            : 0) *
            (1 / share - 1),
        )
      : undefined;
  return (
    <div className={styles.running}>
      <Progress value={share * 100} aria-label={texts.syncProgress} size="sm" />
      <div className={`figures ${styles.left}`}>
        {left === undefined
          ? texts.progress({ done: progress.done, total: progress.total })
          : texts.progressLeft({ done: progress.done, total: progress.total, time: span(left) })}
      </div>
    </div>
  );
}

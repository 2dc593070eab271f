/** What is on its way, what failed, what nobody knows; with the server's words and what can be done. */
import { Button, Group } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Ask } from "../../components/Ask";
import { Folded } from "../../components/Folded";
import { EmptyState, ErrorState, RowsSkeleton, shownOf } from "../../components/states";
import { Time } from "../../components/time";
import { api, messageOf, type Schemas, unwrap } from "../../client";
import { texts } from "../../texts";
import look from "../../design/look.module.css";
import styles from "./Outbox.module.css";

type Delivery = Schemas["DeliveryView"];

export const useOutbox = () =>
  useInfiniteQuery({
    queryKey: ["outbox"],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/api/v1/outbox", { params: { query: { before: pageParam } } })),
    getNextPageParam: (page) => page.older ?? undefined,
    select: (data) => data.pages.flatMap((page) => page.entries),
  });

export function Outbox() {
  const outbox = useOutbox();
  const shown = shownOf(outbox);
  return (
    <div className="scroll">
      <div className="page">
        <h1 className={`${look.title} ${look.aboveContent}`}>{texts.outbox}</h1>
        {outbox.isPending && <RowsSkeleton />}
        {shown.error && <ErrorState error={shown.error} retry={() => void outbox.refetch()} />}
        {shown.data?.length === 0 && (
          <EmptyState title={texts.outboxEmpty} hint={texts.outboxEmptyHint} />
        )}
        {shown.data?.map((entry) => (
          <section
            key={entry.message_id}
            className={`card ${look.inner}`}
            aria-label={entry.subject}
          >
            <DeliveryState entry={entry} withSubject />
          </section>
        ))}
        {outbox.hasNextPage && (
          <Button
            variant="default"
            loading={outbox.isFetchingNextPage}
            onClick={() => void outbox.fetchNextPage()}
          >
            {texts.more}
          </Button>
        )}
      </div>
    </div>
  );
}

/** In a thread: how a message that was written here stands, unless it went and nobody said more. */
export function DeliveryOf({ id }: { id: string }) {
  const delivery = useQuery({
    queryKey: ["outbox", id],
    queryFn: () => unwrap(api.GET("/api/v1/outbox/{id}", { params: { path: { id } } })),
  });
  const entry = delivery.data;
  const isQuiet =
    entry?.state === "sent" &&
    !entry.recipients.some((one) => ["late", "complained", "refused"].includes(one.state));
  return entry && !isQuiet ? (
    <div className={`notice ${styles.notice}`}>
      <DeliveryState entry={entry} />
    </div>
  ) : null;
}

export function StateLabel({ state }: { state: string }) {
  const tone = ["failed", "expired", "bounced", "unknown"].includes(state) ? "orange" : "plain";
  return <span className={`label ${tone}`}>{texts.deliveryStates[state] ?? state}</span>;
}

function DeliveryState({ entry, withSubject }: { entry: Delivery; withSubject?: boolean }) {
  const queries = useQueryClient();
  const path = { params: { path: { id: entry.message_id } } };
  const options = {
    onSuccess: () =>
      Promise.all(
        ["outbox", "messages", "conversation", "message", "drafts"].map((key) =>
          queries.invalidateQueries({ queryKey: [key] }),
        ),
      ),
    onError: (error: Error) =>
      notifications.show({
        color: "red",
        message: messageOf(error),
      }),
  };
  const again = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/outbox/{id}/again", path)),
    ...options,
  });
  const went = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/outbox/{id}/went", path)),
    ...options,
  });
  const back = useMutation({
    mutationFn: () => unwrap(api.DELETE("/api/v1/outbox/{id}", path)),
    ...options,
  });
  const [asked, setAsked] = useState(false);
  const refused = entry.recipients.filter((one) => one.state === "refused");
  return (
    <>
      <Group gap={10} justify="space-between" wrap="nowrap" align="flex-start">
        <div className={`${look.shrinks} ${look.breaks}`}>
          {withSubject && <strong>{entry.subject || texts.noSubject}</strong>}
          <div className={look.note}>
            <StateLabel state={entry.state} />{" "}
            <Folded items={entry.recipients.map((one) => one.address)} /> ·{" "}
            <Time at={entry.queued_at} long />
          </div>
          {entry.state === "retrying" && (
            <div className={look.small}>
              {texts.triedAgain} <Time at={entry.due_at} long />
            </div>
          )}
          {entry.state === "unknown" && <p className={styles.below}>{texts.unknownHint}</p>}
          {entry.said && !["sent", "bounced"].includes(entry.state) && (
            <p className={styles.said}>
              {texts.serverSaid}: {entry.said}
            </p>
          )}
          <Folded
            between=""
            items={refused.map((one) => (
              <p key={one.address} className={styles.failed}>
                {texts.refusedRecipient({ address: one.address })} {one.why} {one.said}
              </p>
            ))}
          />
          <Folded
            between=""
            items={entry.recipients
              .filter((one) => one.state === "bounced")
              .map((one) => (
                <p key={one.address} className={styles.failed}>
                  {texts.cameBack({ address: one.address })} {one.why} {one.said}
                </p>
              ))}
          />
          <Folded
            between=""
            items={entry.recipients
              .filter((one) => one.state === "late")
              .map((one) => (
                <p key={one.address} className={styles.said}>
                  {texts.isLate({ address: one.address })} {one.why} {one.said}
                </p>
              ))}
          />
          <Folded
            between=""
            items={entry.recipients
              .filter((one) => one.state === "complained")
              .map((one) => (
                <p key={one.address} className={styles.failed}>
                  {texts.complained({ address: one.address })}
                </p>
              ))}
          />
          {entry.sent_copy === "failed" && (
            <p className={styles.said}>
              {texts.copyFailed} {entry.sent_copy_said}
            </p>
          )}
        </div>
        <Group gap={6} wrap="nowrap">
          {entry.state === "queued" && (
            <Button
              size="compact-sm"
              variant="default"
              loading={back.isPending}
              onClick={() => back.mutate()}
            >
              {texts.undo}
            </Button>
          )}
          {entry.state === "unknown" && (
            <Button
              size="compact-sm"
              variant="default"
              loading={went.isPending}
              onClick={() => went.mutate()}
            >
              {texts.itWent}
            </Button>
          )}
          {["unknown", "failed", "expired", "retrying"].includes(entry.state) && (
            <Button
              size="compact-sm"
              variant="default"
              loading={again.isPending}
              onClick={() => (entry.state === "unknown" ? setAsked(true) : again.mutate())}
            >
              {entry.state === "retrying" ? texts.tryNow : texts.sendAgain}
            </Button>
          )}
        </Group>
      </Group>
      {asked && (
        <Ask
          title={texts.sendAgainAsk({ subject: entry.subject || texts.noSubject })}
          says={texts.sendAgainSays}
          yes={texts.sendAgain}
          act={again}
          onYes={() => again.mutate(undefined, { onSuccess: () => setAsked(false) })}
          onClose={() => setAsked(false)}
        />
      )}
    </>
  );
}

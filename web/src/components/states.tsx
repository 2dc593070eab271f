import { Button, Skeleton } from "@mantine/core";
import type { ReactNode } from "react";
import { ApiProblem, messageOf } from "../client";
import { texts } from "../texts";
import look from "../design/look.module.css";
import styles from "./states.module.css";

export function EmptyState({
  title,
  hint,
  children,
}: {
  title: string;
  hint?: string;
  children?: ReactNode;
}) {
  return (
    <div className="empty">
      <img src="/seal.svg" alt="" width={40} height={40} className={styles.seal} />
      <h2>{title}</h2>
      {hint && <div className={styles.hint}>{hint}</div>}
      {children}
    </div>
  );
}

/**
 * What a screen shows of a query: what is there, or why it is not. A line that breaks while it is fetched anew takes nothing away
 * that is being read; what the server refuses now is gone at once.
 */
export function shownOf<T>({ data, error }: { data: T | undefined; error: Error | null }): {
  data?: T;
  error?: Error;
} {
  const isRefused = error instanceof ApiProblem && error.status >= 400 && error.status < 500;
  return error && (data === undefined || isRefused) ? { error } : { data };
}

export function ErrorState({ error, retry }: { error: unknown; retry: () => void }) {
  return (
    <div className="empty" role="alert">
      <h2>{texts.failedToLoad}</h2>
      <div>{messageOf(error)}</div>
      <Button variant="default" onClick={retry}>
        {texts.retry}
      </Button>
    </div>
  );
}

export function RowsSkeleton() {
  return (
    <div aria-busy aria-label={texts.loading}>
      {Array.from({ length: 8 }, (_, index) => (
        <div key={index} className={styles.row}>
          <Skeleton circle height={34} />
          <div className={look.grow}>
            <Skeleton height={12} width="42%" mb={8} />
            <Skeleton height={12} width="86%" />
          </div>
        </div>
      ))}
    </div>
  );
}

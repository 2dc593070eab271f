import { Button, Skeleton } from "@mantine/core";
import type { ReactNode } from "react";
import { messageOf } from "../client";
import { texts } from "../texts";

export function EmptyState({ title, hint, children }: { title: string; hint?: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <img src="/seal.svg" alt="" width={40} height={40} style={{ opacity: 0.85 }} />
      <h2>{title}</h2>
      {hint && <div style={{ maxWidth: 380 }}>{hint}</div>}
      {children}
    </div>
  );
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
    <div aria-busy aria-label="Loading">
      {Array.from({ length: 8 }, (_, index) => (
        <div key={index} style={{ display: "flex", gap: 12, padding: "11px 14px 11px 40px" }}>
          <Skeleton circle height={34} />
          <div style={{ flex: 1 }}>
            <Skeleton height={12} width="42%" mb={8} />
            <Skeleton height={12} width="86%" />
          </div>
        </div>
      ))}
    </div>
  );
}

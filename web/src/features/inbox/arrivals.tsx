/** What arrives in a conversation while it is read: told beside it, and brought in by nobody but the reader. */
import { Button } from "@mantine/core";
import { useState } from "react";
import { texts } from "../../texts";
import type { Row } from "./query";

/** `isSettled`: what is there is what the server has; from then on more is news. */
export function useArrivals(messages: Row[] | undefined, isSettled: boolean) {
  const [known, setKnown] = useState<ReadonlySet<string>>();
  const takeNote = () => messages && setKnown(new Set(messages.map((message) => message.id)));
  if (!known && isSettled) takeNote();
  const isNew = (id: string) => known !== undefined && !known.has(id);
  return {
    arrived: (messages ?? []).filter((message) => isNew(message.id) && message.unread),
    isNew,
    takeNote,
  };
}

export function Arrived({ count, onShow }: { count: number; onShow: () => void }) {
  return (
    <div role="status" className={count > 0 ? "arrived" : undefined}>
      {count > 0 && (
        <>
          {texts.arrived({ count })}
          <Button size="compact-sm" onClick={onShow}>
            {texts.show}
          </Button>
        </>
      )}
    </div>
  );
}

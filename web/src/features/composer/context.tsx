/** The letters of whoever is signed in: they stay while pages change, and never lose text. */
import { notifications } from "@mantine/notifications";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import {
  createContext,
  type ReactNode,
  use,
  useEffect,
  useMemo,
  useState,
  useSyncExternalStore,
} from "react";
import { api, messageOf, type Schemas, unwrap } from "../../client";
import { useSession } from "../../session";
import { texts } from "../../texts";
import { offerUndo } from "../../components/undo";
import { Composer } from "./Composer";
import { Dock } from "./Dock";
import { Desk, type Told } from "./desk";
import type { AnswerKind, Fill } from "./kept";
import { onLeave } from "./leaving";
import type { Letter } from "./letter";
import { toChip } from "./recipients";
import { loadRichText } from "./TextArea";
import { takeBack } from "./sending";

type Recipient = Schemas["RecipientView"];

type ComposerHandle = {
  /** A new message; `fill`: what placeholders of canned responses stand for. */
  write: (to?: Recipient[], fill?: Fill) => void;
  answer: (message: string, kind: AnswerKind) => void;
  openDraft: (id: string) => void;
};

const Context = createContext<ComposerHandle>({
  write: () => undefined,
  answer: () => undefined,
  openDraft: () => undefined,
});
export const useComposer = () => use(Context);

const failed = (error: unknown) =>
  notifications.show({
    color: "red",
    message: messageOf(error),
  });

export function ComposerProvider({ children }: { children: ReactNode }) {
  const user = useSession().data?.id;
  return user ? (
    <OfUser key={user} user={user}>
      {children}
    </OfUser>
  ) : (
    children
  );
}

function OfUser({ user, children }: { user: string; children: ReactNode }) {
  const desk = useDesk(user);
  useSyncExternalStore(desk.subscribe, desk.snapshot);
  useSenders(desk);
  const handle = useMemo<ComposerHandle>(
    () => ({
      write: (to = [], fill) => void desk.write(to.map(toChip), fill),
      answer: (message, kind) => desk.answer(message, kind),
      openDraft: (id) => void desk.openDraft(id),
    }),
    [desk],
  );
  const active = desk.windows.find(({ letter }) => letter === desk.active);
  return (
    <Context value={handle}>
      {children}
      <Dock desk={desk} />
      {active && <Composer key={active.letter.copy} desk={desk} open={active} />}
    </Context>
  );
}

/** One for as long as this person is signed in here. */
function useDesk(user: string): Desk {
  const queries = useQueryClient();
  const [desk] = useState(() => {
    const refresh = () =>
      Promise.all(
        ["drafts", "outbox", "messages", "conversation"].map((key) =>
          queries.invalidateQueries({ queryKey: [key] }),
        ),
      );
    const undo = (letter: Letter, message: string) => {
      const back = async () => {
        const draft = await takeBack(message, letter.kept.draft);
        await refresh();
        if (draft) await made.openDraft(draft);
      };
      back().catch(failed);
    };
    const told: Told = {
      sent: (letter, message) => {
        void refresh();
        offerUndo(`sent-${message}`, texts.sending, () => undo(letter, message));
      },
      failed,
      lost: (letter, error) => void lookWhy(letter, error.status === 401),
    };
    const lookWhy = async (letter: Letter, isSignedOut: boolean) => {
      if (isSignedOut) return queries.invalidateQueries({ queryKey: ["session"] });
      await queries.refetchQueries({ queryKey: ["senders"] });
      if (!letter.stopped) letter.show({ stopped: "gone" });
    };
    const made = new Desk(user, told);
    return made;
  });
  useEffect(() => {
    void loadRichText();
    void desk.start();
    const hide = () => document.visibilityState === "hidden" && desk.flush();
    const leave = () => desk.flush();
    const ask = (event: BeforeUnloadEvent) => desk.isAtRisk && event.preventDefault();
    document.addEventListener("visibilitychange", hide);
    window.addEventListener("pagehide", leave);
    window.addEventListener("beforeunload", ask);
    let isSavedElsewhere = false;
    const endListening = onLeave(
      () => desk.keptOnDisk(),
      (isAllSaved) => {
        isSavedElsewhere = isAllSaved;
        if (isAllSaved) void desk.erase();
        void queries.resetQueries();
      },
    );
    return () => {
      document.removeEventListener("visibilitychange", hide);
      window.removeEventListener("pagehide", leave);
      window.removeEventListener("beforeunload", ask);
      endListening();
      sayWhatIsLeft(desk, isSavedElsewhere);
      desk.end();
    };
  }, [desk, queries]);
  return desk;
}

/** The windows go with the session; what stood in them does not. */
function sayWhatIsLeft(desk: Desk, isSaved: boolean): void {
  if (desk.windows.length === 0) return;
  notifications.show({
    id: "signed-out",
    message: desk.isUnsaved && !isSaved ? texts.signedOutUnsaved : texts.signedOutSaved,
    autoClose: false,
  });
}

/** Who writes, once that is known; and whose letter it no longer is. */
function useSenders(desk: Desk): void {
  const senders = useQuery({
    queryKey: ["senders"],
    queryFn: () => unwrap(api.GET("/api/v1/senders")),
  });
  const { windows } = desk;
  useEffect(() => {
    if (!senders.data) return;
    const first = senders.data.find((one) => one.can_send) ?? senders.data[0];
    for (const { letter } of windows) {
      const account = letter.form.account_id;
      if (account === "" && first && !letter.kept.answering)
        letter.begin(first.account_id, first.signature);
      if (
        account !== "" &&
        !letter.stopped &&
        !senders.data.some((one) => one.account_id === account)
      )
        letter.withdraw();
    }
  }, [senders.data, windows]);
}

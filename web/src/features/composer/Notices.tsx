/** What stands in the way of a letter, why, and what can be done with what was written. */
import { Button, Group } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api, messageOf, unwrap } from "../../client";
import { texts } from "../../texts";
import type { Desk } from "./desk";
import type { Letter } from "./letter";
import look from "../../design/look.module.css";
import { textOf } from "../../html";

export function Notices({ desk, letter }: { desk: Desk; letter: Letter }) {
  if (letter.phase === "waiting") return <Notice>{texts.sendingWaits}</Notice>;
  switch (letter.stopped) {
    case undefined:
      return letter.refusal ? <Notice wrong>{letter.refusal}</Notice> : null;
    case "changed":
      return <Changed desk={desk} letter={letter} />;
    case "sent":
      return <Notice acts={<Rescue desk={desk} letter={letter} />}>{texts.sentElsewhere}</Notice>;
    case "gone":
      return <Notice acts={<Rescue desk={desk} letter={letter} />}>{texts.draftGone}</Notice>;
    case "withdrawn":
      return <Notice acts={<Rescue desk={desk} letter={letter} />}>{texts.accessEnded}</Notice>;
  }
}

function Notice({
  children,
  acts,
  wrong,
}: {
  children: ReactNode;
  acts?: ReactNode;
  wrong?: boolean;
}) {
  return (
    <div className={`notice ${wrong ? look.wax : ""}`} role="alert">
      {children}
      {acts && (
        <Group gap={8} mt={8}>
          {acts}
        </Group>
      )}
    </div>
  );
}

/** Both texts stay, whichever is chosen. */
function Changed({ desk, letter }: { desk: Desk; letter: Letter }) {
  const queries = useQueryClient();
  const choose = useMutation({
    mutationFn: (mine: boolean) => (mine ? desk.keepMine(letter) : desk.takeTheirs(letter)),
    onSuccess: () => {
      notifications.show({ message: texts.otherKept });
      return queries.invalidateQueries({ queryKey: ["drafts"] });
    },
    onError: (error) => notifications.show({ color: "red", message: messageOf(error) }),
  });
  const acts = (
    <>
      <Button
        size="compact-sm"
        variant="default"
        loading={choose.isPending}
        onClick={() => choose.mutate(true)}
      >
        {texts.keepMine}
      </Button>
      <Button
        size="compact-sm"
        variant="default"
        disabled={choose.isPending}
        onClick={() => choose.mutate(false)}
      >
        {texts.takeOther}
      </Button>
    </>
  );
  return <Notice acts={acts}>{texts.changedElsewhere}</Notice>;
}

function Rescue({ desk, letter }: { desk: Desk; letter: Letter }) {
  const senders = useQuery({
    queryKey: ["senders"],
    queryFn: () => unwrap(api.GET("/api/v1/senders")),
  });
  const own =
    senders.data?.find((one) => one.account_id === letter.form.account_id) ?? senders.data?.[0];
  const copy = () =>
    void navigator.clipboard
      .writeText(textOf(letter.form.html))
      .then(() => notifications.show({ message: texts.copied }));
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={copy}>
        {texts.copyText}
      </Button>
      {own && (
        <Button size="compact-sm" variant="default" onClick={() => letter.moveTo(own.account_id)}>
          {texts.asNewDraft}
        </Button>
      )}
      <Button
        size="compact-sm"
        variant="subtle"
        color="gray"
        onClick={() => void desk.remove(letter)}
      >
        {texts.discard}
      </Button>
    </>
  );
}

/** Where the text is, always to be seen. */
export function Safety({ letter }: { letter: Letter }) {
  const text =
    letter.phase === "waiting"
      ? texts.sendingWaits
      : letter.phase === "sending"
        ? texts.sendingNow
        : stateOf(letter);
  return (
    <span className="saved" role="status">
      {text}
    </span>
  );
}

function stateOf(letter: Letter): string {
  if (letter.stopped) return letter.isKept ? texts.keptHere : "";
  switch (letter.safety) {
    case "nothing":
      return "";
    case "saved":
      return texts.saved;
    case "saving":
      return texts.saving;
    case "waiting":
      return letter.isKept ? texts.notSavedKept : texts.notSaved;
    case "refused":
      return texts.notSavedRefused;
  }
}

import { Button, Loader } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { Ask } from "../../components/Ask";
import { type Key, listedKeys, useKeys } from "../../components/useKeys";
import { undoLatest } from "../../components/undo";
import { ErrorState } from "../../components/states";
import { ApiProblem, api, unwrap } from "../../client";
import { listen } from "../../events";
import { useSession } from "../../session";
import { texts } from "../../texts";
import { ComposerProvider, useComposer } from "../composer/context";
import { SignIn } from "../sign-in/SignIn";
import { Help } from "./Help";
import { openPalette, Palette } from "./Palette";
import { placesOf } from "./places";
import { Rail } from "./Rail";

export function Shell() {
  const session = useSession();
  if (session.isPending)
    return (
      <div className="center">
        <Loader size="sm" aria-label={texts.loading} />
      </div>
    );
  if (session.error instanceof ApiProblem && session.error.status === 401) return <SignIn />;
  if (session.isError && !session.data)
    return <ErrorState error={session.error} retry={() => void session.refetch()} />;
  return <SignedIn name={session.data?.name ?? ""} isSuper={session.data?.is_super ?? false} />;
}

function SignedIn({ name, isSuper }: { name: string; isSuper: boolean }) {
  const queries = useQueryClient();
  useEffect(() => listen(queries), [queries]);
  const unread = useQuery({
    queryKey: ["unread"],
    queryFn: () => unwrap(api.GET("/api/v1/unread")),
  });
  const count = unread.data ? (unread.data.capped ? "999+" : unread.data.unread || "") : "";
  useEffect(() => {
    document.title = count ? `(${count}) ${texts.app}` : texts.app;
  }, [count]);
  return (
    <ComposerProvider>
      <Desk name={name} isSuper={isSuper} count={count} />
    </ComposerProvider>
  );
}

/** What is wrong with an account of one's own, above every page, until it is over. */
function Alarms() {
  const alarms = useQuery({
    queryKey: ["alarms"],
    queryFn: () => unwrap(api.GET("/api/v1/alarms")),
  });
  return alarms.data?.map((alarm) => (
    <div key={`${alarm.account_id}-${alarm.kind}`} role="alert" className="notice alarm">
      <span>{texts.alarms[alarm.kind]?.({ address: alarm.address })}</span>
      <Link to={alarm.kind === "queue_full" ? "/outbox" : "/profile/email-account"}>
        {alarm.kind === "queue_full" ? texts.outbox : texts.emailAccount}
      </Link>
    </div>
  ));
}

/** After a restoration: until somebody who knows what was lost says so, nothing goes. */
function Held({ isSuper }: { isSuper: boolean }) {
  const session = useSession();
  const queries = useQueryClient();
  const release = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/release")),
    onSuccess: () => {
      setAsked(false);
      return queries.invalidateQueries({ queryKey: ["session"] });
    },
  });
  const [asked, setAsked] = useState(false);
  const since = session.data?.held_since;
  if (!since) return null;
  return (
    <div role="alert" className="notice alarm">
      <span>{texts.held}</span>
      {isSuper ? (
        <Button size="compact-sm" onClick={() => setAsked(true)}>
          {texts.release}
        </Button>
      ) : (
        texts.heldFor
      )}
      {asked && (
        <Ask
          title={texts.releaseAsk}
          says={texts.releaseSays}
          yes={texts.release}
          act={release}
          onYes={() => release.mutate()}
          onClose={() => {
            setAsked(false);
            release.reset();
          }}
        />
      )}
    </div>
  );
}

function Desk({
  name,
  isSuper,
  count,
}: {
  name: string;
  isSuper: boolean;
  count: string | number;
}) {
  const navigate = useNavigate();
  const composer = useComposer();
  const [help, setHelp] = useState<[string, Key][]>();
  const places = placesOf(isSuper);
  const go = Object.fromEntries(
    places.flatMap(({ key, name, to }) =>
      key ? [[key, { does: name, run: () => void navigate({ to }) }]] : [],
    ),
  );
  useKeys(
    {
      c: { does: texts.write, run: () => composer.write() },
      "/": { does: texts.search, run: openPalette },
      z: { does: texts.undo, run: undoLatest },
      "?": { does: texts.keyboard, run: () => setHelp(listedKeys()) },
      ...go,
    },
    true,
  );
  return (
    <div className="shell">
      <Rail name={name} isSuper={isSuper} unread={count} />
      <main className="main">
        <Held isSuper={isSuper} />
        <Alarms />
        <Outlet />
      </main>
      <Palette places={places} />
      <Help keys={help} onClose={() => setHelp(undefined)} />
    </div>
  );
}

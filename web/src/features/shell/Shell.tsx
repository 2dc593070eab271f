import { Button, Loader } from "@mantine/core";
import { IconFileText, IconInbox, IconLogout, IconMailCog, IconMailbox, IconPencil, IconSend, IconUser, IconUserQuestion, IconUsers, IconUsersGroup } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { useKeys } from "../../components/useKeys";
import { ErrorState } from "../../components/states";
import { ApiProblem, api, unwrap } from "../../client";
import { listen } from "../../events";
import { useSession, useSignOut } from "../../session";
import { texts } from "../../texts";
import { ComposerProvider, useComposer } from "../composer/context";
import { useOutbox } from "../outbox/Outbox";
import { SignIn } from "../sign-in/SignIn";
import { Palette } from "./Palette";

const ICON = { size: 19, stroke: 1.6 } as const;

export function Shell() {
  const session = useSession();
  if (session.isPending) return <div className="center"><Loader size="sm" aria-label="Loading" /></div>;
  if (session.error instanceof ApiProblem && session.error.status === 401) return <SignIn />;
  if (session.isError && !session.data) return <ErrorState error={session.error} retry={() => void session.refetch()} />;
  return <SignedIn name={session.data?.name ?? ""} isSuper={session.data?.is_super ?? false} />;
}

function SignedIn({ name, isSuper }: { name: string; isSuper: boolean }) {
  const queries = useQueryClient();
  useEffect(() => listen(queries), [queries]);
  const unread = useQuery({ queryKey: ["unread"], queryFn: () => unwrap(api.GET("/api/v1/unread")) });
  const count = unread.data ? (unread.data.capped ? "999+" : unread.data.unread || "") : "";
  useEffect(() => {
    document.title = count ? `(${count}) ${texts.app}` : texts.app;
  }, [count]);
  return (
    <ComposerProvider><Desk name={name} isSuper={isSuper} count={count} /></ComposerProvider>
  );
}

/** What is wrong with an account of one's own, above every page, until it is over. */
function Alarms() {
  const alarms = useQuery({ queryKey: ["alarms"], queryFn: () => unwrap(api.GET("/api/v1/alarms")) });
  return alarms.data?.map((alarm) => (
    <div key={`${alarm.account_id}-${alarm.kind}`} role="alert" className="notice alarm">
      <span>{texts.alarms[alarm.kind]?.(alarm.address)}</span>
      <Link to={alarm.kind === "queue_full" ? "/outbox" : "/profile/email-account"}>{alarm.kind === "queue_full" ? texts.outbox : texts.emailAccount}</Link>
    </div>
  ));
}

/** After a restoration: until somebody who knows what was lost says so, nothing goes. */
function Held({ isSuper }: { isSuper: boolean }) {
  const session = useSession();
  const queries = useQueryClient();
  const release = useMutation({ mutationFn: () => unwrap(api.POST("/api/v1/release")), onSuccess: () => queries.invalidateQueries({ queryKey: ["session"] }) });
  const since = session.data?.held_since;
  if (!since) return null;
  return (
    <div role="alert" className="notice alarm">
      <span>{texts.held}</span>
      {isSuper ? <Button size="compact-sm" loading={release.isPending} onClick={() => release.mutate()}>{texts.release}</Button> : texts.heldFor}
    </div>
  );
}

function Desk({ name, isSuper, count }: { name: string; isSuper: boolean; count: string | number }) {
  const navigate = useNavigate();
  const composer = useComposer();
  useKeys({ c: () => composer.write(), "g i": () => void navigate({ to: "/inbox" }), "g d": () => void navigate({ to: "/drafts" }), "g o": () => void navigate({ to: "/outbox" }), "g c": () => void navigate({ to: "/customers" }), "g e": () => void navigate({ to: "/profile/email-account" }), "g p": () => void navigate({ to: "/profile" }) });
  const signOut = useSignOut();
  const outbox = useOutbox();
  const troubles = outbox.data?.filter((entry) => ["failed", "expired", "bounced", "unknown"].includes(entry.state)).length ?? 0;
  return (
    <div className="shell">
      <nav className="rail" aria-label="Main">
        <div className="brand"><img src="/seal.svg" alt="" width={24} height={24} /> {texts.app}</div>
        <button type="button" className="item write" onClick={() => composer.write()}><IconPencil {...ICON} />{texts.write}</button>
        <Link to="/inbox"><IconInbox {...ICON} />{texts.inbox}{count && <span className="badge" aria-label={`${count} unread`}>{count}</span>}</Link>
        <Link to="/drafts" className="wide-only"><IconFileText {...ICON} />{texts.drafts}</Link>
        <Link to="/outbox" className={troubles > 0 ? "" : "wide-only"}><IconSend {...ICON} />{texts.outbox}{troubles > 0 && <span className="badge" aria-label={`${troubles} failed`}>{troubles}</span>}</Link>
        <Link to="/customers"><IconUsers {...ICON} />{texts.customers}</Link>
        <Link to="/leads"><IconUserQuestion {...ICON} />{texts.leads}</Link>
        <Link to="/profile/email-account"><IconMailCog {...ICON} />{texts.emailAccount}</Link>
        {isSuper && <Link to="/administrators" className="wide-only"><IconUsersGroup {...ICON} />{texts.administrators}</Link>}
        {isSuper && <Link to="/config/email" className="wide-only"><IconMailbox {...ICON} />{texts.systemMail}</Link>}
        <div className="foot">
          <Link to="/profile" activeOptions={{ exact: true }}><IconUser {...ICON} /><span className="who-name">{name}</span><span className="who-label">{texts.myProfile}</span></Link>
          <button type="button" className="item wide-only" onClick={() => signOut.mutate()}><IconLogout {...ICON} />{texts.signOut}</button>
        </div>
      </nav>
      <main className="main"><Held isSuper={isSuper} /><Alarms /><Outlet /></main>
      <Palette />
    </div>
  );
}

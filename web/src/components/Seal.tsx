/** The seal: who can see what is shown here. No screen with content is without it. */
import { Popover } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api, type Schemas, unwrap } from "../client";
import { useSession } from "../session";
import { texts } from "../texts";
import look from "../design/look.module.css";
import styles from "./Seal.module.css";

const REASONS: Record<string, string> = {
  own: texts.ownsTheAccount,
  see: texts.maySee,
  reply: texts.maySeeAndReply,
  manage: texts.maySeeReplyAnd,
};
const SHORT: Record<string, string> = {
  see: texts.maySee,
  reply: texts.mayReply,
  manage: texts.mayManage,
};

export function Seal({ accountId, isSystem = false }: { accountId: string; isSystem?: boolean }) {
  return isSystem ? (
    <span className="seal">
      <img src="/seal.svg" alt="" />
      {texts.everyoneHere}
    </span>
  ) : (
    <AccountSeal accountId={accountId} />
  );
}

function useSeal(accountId: string) {
  return useQuery({
    queryKey: ["seal", accountId],
    queryFn: () =>
      unwrap(api.GET("/api/v1/accounts/{id}/seal", { params: { path: { id: accountId } } })),
  });
}

/** What the seal means, in the words that are true of it now. */
export function SealNote({ accountId }: { accountId: string }) {
  const seal = useSeal(accountId).data;
  if (!seal) return null;
  return (
    <span className={look.note}>{seal.length > 1 ? texts.sealNoteShared : texts.sealNote}</span>
  );
}

function AccountSeal({ accountId }: { accountId: string }) {
  const me = useSession().data;
  const seal = useSeal(accountId);
  if (!me || !seal.data) return null;
  const own = seal.data[0]?.administrator_id === me.id;
  return (
    <Popover position="bottom-start" shadow="md" withinPortal trapFocus returnFocus>
      <Popover.Target>
        <button
          type="button"
          className="seal"
          aria-label={`${texts.whoCanSee}: ${summary(seal.data, me.id)}`}
        >
          <img src="/seal.svg" alt="" />
          {summary(seal.data, me.id)}
        </button>
      </Popover.Target>
      <Popover.Dropdown maw={320}>
        <strong>{texts.whoCanSee}</strong>
        <ul className={styles.readers}>
          {seal.data.map((entry) => (
            <li key={entry.administrator_id}>
              {entry.administrator_id === me.id ? texts.you : entry.name}: {REASONS[entry.right]}
            </li>
          ))}
        </ul>
        {own && (
          <Link to="/profile/email-account" className={look.wax}>
            {texts.accessSettings}
          </Link>
        )}
      </Popover.Dropdown>
    </Popover>
  );
}

function summary(seal: Schemas["SealView"][], me: string): string {
  const [owner, ...others] = seal;
  if (!owner) return texts.onlyYou;
  if (owner.administrator_id !== me) {
    const mine = others.find((entry) => entry.administrator_id === me);
    return texts.mailOf({ name: owner.name, right: SHORT[mine?.right ?? "see"] });
  }
  const [first, ...more] = others;
  if (!first) return texts.onlyYou;
  return more.length === 0
    ? texts.youAndOne({ name: first.name, right: SHORT[first.right] })
    : texts.youAndOthers({ count: others.length });
}

/** The ways to every place: a rail beside the page, on a phone a bar below it with the rest under More. */
import { Menu } from "@mantine/core";
import { IconDots, IconLogout, IconPencil, IconUser } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useSignOut } from "../../session";
import { texts } from "../../texts";
import { useComposer } from "../composer/context";
import { useOutbox } from "../outbox/Outbox";
import { type Place, placesOf } from "./places";

const ICON = { size: 19, stroke: 1.6, className: "icon" } as const;

type Person = { name: string; isSuper: boolean; unread: string | number };

export function Rail({ name, isSuper, unread }: Person) {
  const composer = useComposer();
  const signOut = useSignOut();
  const failed = useFailed();
  const places = placesOf(isSuper);
  return (
    <nav className="rail" aria-label={texts.main}>
      <div className="brand">
        <img src="/seal.svg" alt="" width={24} height={24} /> {texts.app}
      </div>
      <button type="button" className="item write" onClick={() => composer.write()}>
        <IconPencil {...ICON} />
        <span className="name">{texts.write}</span>
      </button>
      {places
        .filter(({ on }) => on !== "foot")
        .map((place) => (
          <Way key={place.to} place={place} badge={badgeOf(place, unread, failed)} />
        ))}
      <More places={places} failed={failed} />
      <div className="foot wide-only">
        <Link to="/profile" activeOptions={{ exact: true }}>
          <IconUser {...ICON} />
          <span className="name">{name}</span>
        </Link>
        <button type="button" className="item" onClick={() => signOut.mutate()}>
          <IconLogout {...ICON} />
          <span className="name">{texts.signOut}</span>
        </button>
      </div>
    </nav>
  );
}

/** How many letters of one's own wait for a decision. */
function useFailed(): number {
  const outbox = useOutbox();
  const needy = ["failed", "expired", "bounced", "unknown"];
  return outbox.data?.filter((entry) => needy.includes(entry.state)).length ?? 0;
}

type Badge = { count: string | number; label: string };

function badgeOf({ to }: Place, unread: string | number, failed: number): Badge | undefined {
  if (to === "/inbox" && unread)
    return { count: unread, label: texts.unreadCount({ count: unread }) };
  if (to === "/outbox" && failed > 0)
    return { count: failed, label: texts.failedCount({ count: failed }) };
  return undefined;
}

function Way({ place: { to, name, Icon, on }, badge }: { place: Place; badge?: Badge }) {
  return (
    <Link to={to} className={on === "more" ? "wide-only" : ""}>
      <Icon {...ICON} />
      <span className="name">{name}</span>
      {badge && (
        <span className="badge" aria-label={badge.label}>
          {badge.count}
        </span>
      )}
    </Link>
  );
}

function More({ places, failed }: { places: Place[]; failed: number }) {
  const signOut = useSignOut();
  return (
    <Menu position="top-end" shadow="md">
      <Menu.Target>
        <button type="button" className="item narrow-only">
          <IconDots {...ICON} />
          <span className="name">{texts.more}</span>
          {failed > 0 && (
            <span className="badge" aria-label={texts.failedCount({ count: failed })}>
              {failed}
            </span>
          )}
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {places
          .filter(({ on }) => on !== "bar")
          .map(({ to, name, Icon }) => (
            <Menu.Item key={to} component={Link} to={to} leftSection={<Icon {...ICON} />}>
              {name}
            </Menu.Item>
          ))}
        <Menu.Item leftSection={<IconLogout {...ICON} />} onClick={() => signOut.mutate()}>
          {texts.signOut}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

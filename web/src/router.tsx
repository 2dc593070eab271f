import { createRootRoute, createRoute, createRouter, Navigate, Outlet } from "@tanstack/react-router";
import { EmailAccount } from "./features/email-account/EmailAccount";
import { Inbox } from "./features/inbox/Inbox";
import { Drafts } from "./features/outbox/Drafts";
import { Outbox } from "./features/outbox/Outbox";
import { DeepLink } from "./features/parties/DeepLink";
import { Parties } from "./features/parties/Parties";
import { PartyPage } from "./features/parties/PartyPage";
import { Profile } from "./features/profile/Profile";
import { Setup } from "./features/setup/Setup";
import { Shell } from "./features/shell/Shell";
import { Administrators } from "./features/administrators/Administrators";
import { SystemMail } from "./features/system-mail/SystemMail";
import { Welcome } from "./features/welcome/Welcome";

export type InboxSearch = {
  show?: string;
  text?: string;
  direction?: string;
  unread?: boolean;
  attachments?: boolean;
  known?: boolean;
  from?: string;
  until?: string;
  deleted?: boolean;
  open?: string;
};

const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
const flag = (value: unknown) => (typeof value === "boolean" ? value : undefined);

const root = createRootRoute({ component: Outlet, notFoundComponent: () => <Navigate to="/inbox" /> });
const setup = createRoute({ getParentRoute: () => root, path: "/setup", component: Setup });
const welcome = createRoute({ getParentRoute: () => root, path: "/welcome", component: Welcome });
const shell = createRoute({ getParentRoute: () => root, id: "shell", component: Shell });
const home = createRoute({ getParentRoute: () => shell, path: "/", component: () => <Navigate to="/inbox" /> });
export const inboxRoute = createRoute({
  getParentRoute: () => shell,
  path: "/inbox",
  component: Inbox,
  validateSearch: (search: Record<string, unknown>): InboxSearch => ({
    show: text(search.show),
    text: text(search.text),
    direction: text(search.direction),
    unread: flag(search.unread),
    attachments: flag(search.attachments),
    known: flag(search.known),
    from: text(search.from),
    until: text(search.until),
    deleted: flag(search.deleted),
    open: text(search.open),
  }),
});
const account = createRoute({ getParentRoute: () => shell, path: "/profile/email-account", component: EmailAccount });
const profile = createRoute({ getParentRoute: () => shell, path: "/profile", component: Profile });
const drafts = createRoute({ getParentRoute: () => shell, path: "/drafts", component: Drafts });
const outbox = createRoute({ getParentRoute: () => shell, path: "/outbox", component: Outbox });
const systemMail = createRoute({ getParentRoute: () => shell, path: "/config/email", component: SystemMail });
const customers = createRoute({ getParentRoute: () => shell, path: "/customers", component: () => <Parties key="customer" kind="customer" /> });
const leads = createRoute({ getParentRoute: () => shell, path: "/leads", component: () => <Parties key="lead" kind="lead" /> });
export const partyRoute = createRoute({
  getParentRoute: () => shell,
  path: "/party/$id",
  component: PartyPage,
  validateSearch: (search: Record<string, unknown>): { tab?: string; thread?: string } => ({ tab: text(search.tab), thread: text(search.thread) }),
});
export const deepLinkRoute = createRoute({ getParentRoute: () => shell, path: "/p/$externalId/communication", component: DeepLink });
const administrators = createRoute({ getParentRoute: () => shell, path: "/administrators", component: Administrators });

export const router = createRouter({
  routeTree: root.addChildren([setup, welcome, shell.addChildren([home, inboxRoute, drafts, outbox, account, profile, customers, leads, partyRoute, deepLinkRoute, administrators, systemMail])]),
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

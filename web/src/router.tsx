import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Navigate,
  Outlet,
} from "@tanstack/react-router";
import { Inbox } from "./features/inbox/Inbox";
import { Drafts } from "./features/outbox/Drafts";
import { Outbox } from "./features/outbox/Outbox";
import { DeepLink } from "./features/parties/DeepLink";
import { Parties } from "./features/parties/Parties";
import { PartyPage } from "./features/parties/PartyPage";
import { Shell } from "./features/shell/Shell";

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

/** What few people open, and seldom, is loaded when it is opened. */
const EmailAccount = lazyRouteComponent(
  () => import("./features/email-account/EmailAccount"),
  "EmailAccount",
);
const SignedIn = lazyRouteComponent(() => import("./features/email-account/SignedIn"), "SignedIn");
const Profile = lazyRouteComponent(() => import("./features/profile/Profile"), "Profile");
const Setup = lazyRouteComponent(() => import("./features/setup/Setup"), "Setup");
const Administrators = lazyRouteComponent(
  () => import("./features/administrators/Administrators"),
  "Administrators",
);
const SignInProviders = lazyRouteComponent(
  () => import("./features/sign-in-providers/SignInProviders"),
  "SignInProviders",
);
const SystemMail = lazyRouteComponent(
  () => import("./features/system-mail/SystemMail"),
  "SystemMail",
);
const Welcome = lazyRouteComponent(() => import("./features/welcome/Welcome"), "Welcome");

const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
const flag = (value: unknown) => (typeof value === "boolean" ? value : undefined);

const root = createRootRoute({
  component: Outlet,
  notFoundComponent: () => <Navigate to="/inbox" />,
});
const setup = createRoute({ getParentRoute: () => root, path: "/setup", component: Setup });
const welcome = createRoute({ getParentRoute: () => root, path: "/welcome", component: Welcome });
const shell = createRoute({ getParentRoute: () => root, id: "shell", component: Shell });
const home = createRoute({
  getParentRoute: () => shell,
  path: "/",
  component: () => <Navigate to="/inbox" />,
});
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
const account = createRoute({
  getParentRoute: () => shell,
  path: "/profile/email-account",
  component: EmailAccount,
});
const signedIn = createRoute({
  getParentRoute: () => shell,
  path: "/profile/signed-in",
  component: SignedIn,
});
const profile = createRoute({ getParentRoute: () => shell, path: "/profile", component: Profile });
const drafts = createRoute({ getParentRoute: () => shell, path: "/drafts", component: Drafts });
const outbox = createRoute({ getParentRoute: () => shell, path: "/outbox", component: Outbox });
const systemMail = createRoute({
  getParentRoute: () => shell,
  path: "/config/email",
  component: SystemMail,
});
const signInProviders = createRoute({
  getParentRoute: () => shell,
  path: "/config/sign-in",
  component: SignInProviders,
});
const customers = createRoute({
  getParentRoute: () => shell,
  path: "/customers",
  component: () => <Parties key="customer" kind="customer" />,
});
const leads = createRoute({
  getParentRoute: () => shell,
  path: "/leads",
  component: () => <Parties key="lead" kind="lead" />,
});
export const partyRoute = createRoute({
  getParentRoute: () => shell,
  path: "/party/$id",
  component: PartyPage,
  validateSearch: (search: Record<string, unknown>): { tab?: string; thread?: string } => ({
    tab: text(search.tab),
    thread: text(search.thread),
  }),
});
export const deepLinkRoute = createRoute({
  getParentRoute: () => shell,
  path: "/p/$externalId/communication",
  component: DeepLink,
});
const administrators = createRoute({
  getParentRoute: () => shell,
  path: "/administrators",
  component: Administrators,
});

export const router = createRouter({
  defaultPreload: "intent",
  routeTree: root.addChildren([
    setup,
    welcome,
    shell.addChildren([
      home,
      inboxRoute,
      drafts,
      outbox,
      account,
      signedIn,
      profile,
      customers,
      leads,
      partyRoute,
      deepLinkRoute,
      administrators,
      systemMail,
      signInProviders,
    ]),
  ]),
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

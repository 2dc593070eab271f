/** Every place by its name, its picture and its key: for the rail, the palette and the keyboard. */
import {
  IconFileText,
  IconInbox,
  IconKey,
  IconMailCog,
  IconMailbox,
  IconSend,
  IconUser,
  IconUserQuestion,
  IconUsers,
  IconUsersGroup,
} from "@tabler/icons-react";
import { texts } from "../../texts";

/** `on`: where a phone has it; the profile stands in the foot of the rail. */
export type Place = {
  to: string;
  name: string;
  Icon: typeof IconInbox;
  on: "bar" | "more" | "foot";
  key?: string;
};

const OF_ALL: Place[] = [
  { to: "/inbox", name: texts.inbox, Icon: IconInbox, on: "bar", key: "g i" },
  { to: "/drafts", name: texts.drafts, Icon: IconFileText, on: "more", key: "g d" },
  { to: "/outbox", name: texts.outbox, Icon: IconSend, on: "more", key: "g o" },
  { to: "/customers", name: texts.customers, Icon: IconUsers, on: "bar", key: "g c" },
  { to: "/leads", name: texts.leads, Icon: IconUserQuestion, on: "bar", key: "g l" },
  {
    to: "/profile/email-account",
    name: texts.emailAccount,
    Icon: IconMailCog,
    on: "more",
    key: "g e",
  },
];
const OF_SUPERS: Place[] = [
  { to: "/administrators", name: texts.administrators, Icon: IconUsersGroup, on: "more" },
  { to: "/config/email", name: texts.systemMail, Icon: IconMailbox, on: "more" },
  { to: "/config/sign-in", name: texts.signInProviders, Icon: IconKey, on: "more" },
];
const OWN: Place = {
  to: "/profile",
  name: texts.myProfile,
  Icon: IconUser,
  on: "foot",
  key: "g p",
};

export function placesOf(isSuper: boolean): Place[] {
  return [...OF_ALL, ...(isSuper ? OF_SUPERS : []), OWN];
}

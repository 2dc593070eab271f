/** Cmd/Ctrl+K: everything by name - places, and the viewer's own messages. */
import { Spotlight, type SpotlightActionData } from "@mantine/spotlight";
import { useDebouncedValue } from "@mantine/hooks";
import {
  IconInbox,
  IconMail,
  IconMailCog,
  IconSearch,
  IconUser,
  IconUsers,
} from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, unwrap } from "../../client";
import { texts } from "../../texts";
import { AT_ONCE } from "../../theme";
import { useParties } from "../parties/Parties";

const ICON = { size: 19, stroke: 1.6 } as const;

export function Palette() {
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [words] = useDebouncedValue(text.trim(), 150);
  const messages = useQuery({
    queryKey: ["messages", "by-name", words],
    enabled: words.length > 1,
    placeholderData: keepPreviousData,
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/messages", { params: { query: { show: "all", text: words, limit: 6 } } }),
      ),
  });
  const customers = useParties("customer", words);
  const leads = useParties("lead", words);
  const places: SpotlightActionData[] = [
    {
      id: "inbox",
      label: texts.inbox,
      leftSection: <IconInbox {...ICON} />,
      onClick: () => void navigate({ to: "/inbox" }),
    },
    {
      id: "unread",
      label: texts.unreadMessages,
      leftSection: <IconMail {...ICON} />,
      onClick: () => void navigate({ to: "/inbox", search: { unread: true } }),
    },
    {
      id: "customers",
      label: texts.customers,
      leftSection: <IconUsers {...ICON} />,
      onClick: () => void navigate({ to: "/customers" }),
    },
    {
      id: "leads",
      label: texts.leads,
      leftSection: <IconUsers {...ICON} />,
      onClick: () => void navigate({ to: "/leads" }),
    },
    {
      id: "account",
      label: texts.emailAccount,
      leftSection: <IconMailCog {...ICON} />,
      onClick: () => void navigate({ to: "/profile/email-account" }),
    },
    {
      id: "profile",
      label: texts.myProfile,
      leftSection: <IconUser {...ICON} />,
      onClick: () => void navigate({ to: "/profile" }),
    },
  ];
  const found: SpotlightActionData[] = (
    words.length > 1 ? (messages.data?.messages ?? []) : []
  ).map((row) => ({
    id: row.id,
    label: row.subject || texts.noSubject,
    description: row.author_name || (row.author_address ?? ""),
    // The server has found it, perhaps by a word that is not on this line.
    keywords: [text],
    leftSection: <IconMail {...ICON} />,
    onClick: () => void navigate({ to: "/inbox", search: { text: words, open: row.id } }),
  }));
  const people: SpotlightActionData[] = (
    words.length > 1 ? [...(customers.data?.pages ?? []), ...(leads.data?.pages ?? [])] : []
  )
    .flatMap((page) => page.parties)
    .slice(0, 6)
    .map((party) => ({
      id: party.id,
      label: party.name,
      description: party.addresses[0]?.address ?? party.number,
      keywords: [text],
      leftSection: <IconUser {...ICON} />,
      onClick: () => void navigate({ to: "/party/$id", params: { id: party.id } }),
    }));
  return (
    <Spotlight
      actions={[...places, ...people, ...found]}
      query={text}
      onQueryChange={setText}
      shortcut="mod + K"
      transitionProps={AT_ONCE}
      nothingFound={messages.isFetching ? texts.searching : texts.nothingFound}
      searchProps={{
        placeholder: texts.openByName,
        "aria-label": texts.openByName,
        leftSection: <IconSearch {...ICON} />,
      }}
    />
  );
}

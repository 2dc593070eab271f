/** Cmd/Ctrl+K: everything by name - places, what the keys do, records, and messages that the viewer may see. */
import { Kbd } from "@mantine/core";
import { Spotlight, type SpotlightActionData, spotlight } from "@mantine/spotlight";
import { useDebouncedValue } from "@mantine/hooks";
import { IconBolt, IconMail, IconSearch, IconUser } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { api, unwrap } from "../../client";
import { type Key, listedKeys } from "../../components/useKeys";
import { texts } from "../../texts";
import { AT_ONCE } from "../../theme";
import { useParties } from "../parties/Parties";
import type { Place } from "./places";

const ICON = { size: 19, stroke: 1.6 } as const;
const SHORTEST = 2;
const MOST = 6;

export function Palette({ places }: { places: Place[] }) {
  const [text, setText] = useState("");
  const [acts, setActs] = useState<[string, Key][]>([]);
  const ways = useWays(places);
  const { found, isSettled } = useFound(text);
  const awaited = useRef<string>(undefined);
  const known = found.map(({ id }) => id).join();
  // What the server finds comes after the keys that asked for it: Enter opens the first hit, once there is one.
  useEffect(() => {
    if (!picked()) first()?.setAttribute("data-selected", "true");
    if (!isSettled || awaited.current !== text) return;
    awaited.current = undefined;
    picked()?.click();
  }, [known, text, isSettled]);
  return (
    <Spotlight
      actions={[...ways, ...acts.map(actOf), ...found]}
      query={text}
      onQueryChange={setText}
      shortcut="mod + K"
      scrollable
      maxHeight="60dvh"
      onSpotlightOpen={() => setActs(listedKeys().filter(isAct))}
      transitionProps={AT_ONCE}
      nothingFound={isSettled ? texts.nothingFound : texts.searching}
      searchProps={{
        placeholder: texts.openByName,
        "aria-label": texts.openByName,
        leftSection: <IconSearch {...ICON} />,
        onKeyDown: ({ key }) => {
          if (key === "Enter" && !picked()) awaited.current = text;
        },
      }}
    />
  );
}

export const openPalette = spotlight.open;

const picked = () => document.querySelector<HTMLElement>("[data-action][data-selected]");
const first = () => document.querySelector("[data-action]");

/** Places have a line of their own, and the palette its own ways to search, to go and to close. */
const isAct = ([key]: [string, Key]) =>
  !key.startsWith("g ") && !["Enter", "Escape", "/"].includes(key);

const actOf = ([key, { does, run }]: [string, Key]): SpotlightActionData => ({
  id: `key ${key}`,
  label: does,
  leftSection: <IconBolt {...ICON} />,
  rightSection: <Kbd>{key}</Kbd>,
  onClick: run,
});

function useWays(places: Place[]): SpotlightActionData[] {
  const navigate = useNavigate();
  return [
    ...places.map(({ to, name, Icon, key }) => ({
      id: to,
      label: name,
      leftSection: <Icon {...ICON} />,
      rightSection: key && <Kbd>{key}</Kbd>,
      onClick: () => void navigate({ to }),
    })),
    {
      id: "unread",
      label: texts.unreadMessages,
      leftSection: <IconMail {...ICON} />,
      onClick: () => void navigate({ to: "/inbox", search: { unread: true } }),
    },
  ];
}

/** Records and messages; settled once the server has answered for what is typed now. */
function useFound(text: string): { found: SpotlightActionData[]; isSettled: boolean } {
  const navigate = useNavigate();
  const [words] = useDebouncedValue(text.trim(), 150);
  const isAsked = words.length >= SHORTEST;
  const messages = useQuery({
    queryKey: ["messages", "by-name", words],
    enabled: isAsked,
    placeholderData: keepPreviousData,
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/messages", {
          params: { query: { show: "all", text: words, limit: MOST } },
        }),
      ),
  });
  const customers = useParties("customer", words);
  const leads = useParties("lead", words);
  const parties = [customers, leads].flatMap(
    ({ data }) => data?.pages.flatMap((page) => page.parties) ?? [],
  );
  // The server has found it, perhaps by a word that is not on this line.
  const keywords = [text];
  const people = parties.slice(0, MOST).map((party) => ({
    id: party.id,
    label: party.name,
    description: party.addresses[0]?.address ?? party.number,
    keywords,
    leftSection: <IconUser {...ICON} />,
    onClick: () => void navigate({ to: "/party/$id", params: { id: party.id } }),
  }));
  const letters = (messages.data?.messages ?? []).map((row) => ({
    id: row.id,
    label: row.subject || texts.noSubject,
    description: row.author_name || (row.author_address ?? ""),
    keywords,
    leftSection: <IconMail {...ICON} />,
    onClick: () => void navigate({ to: "/inbox", search: { text: words, open: row.id } }),
  }));
  const isFetching = [messages, customers, leads].some((asked) => asked.isFetching);
  return {
    found: isAsked ? [...people, ...letters] : [],
    isSettled: words === text.trim() && !isFetching,
  };
}

/** What was found for the address: from where, as whom one signs in, and, where only DNS says so, whether to take it. */
import { Button, Group, Loader } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Field } from "../../components/Field";
import { api, messageOf, type Schemas, unwrap } from "../../client";
import { texts } from "../../texts";
import look from "../../design/look.module.css";
import styles from "./Discovery.module.css";

type Found = Schemas["FoundView"];

export type Discovered = {
  isSearching: boolean;
  /** What may fill the cards in: nothing before somebody has agreed, where that is asked for. */
  usable?: Found;
  found?: Found;
  jmap?: string;
  isNothing: boolean;
  error?: string;
  agree: () => void;
};

export function useDiscovery(address: string): Discovered {
  const [agreed, setAgreed] = useState<string>();
  const isWhole = /^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(address);
  const search = useQuery({
    queryKey: ["discovery", address],
    enabled: isWhole,
    staleTime: Infinity,
    retry: false,
    queryFn: () => unwrap(api.POST("/api/v1/discovery", { body: { address } })),
  });
  const found = search.data?.found ?? undefined;
  return {
    isSearching: search.isFetching,
    found,
    usable: found?.trust !== "ask" || agreed === address ? found : undefined,
    jmap: search.data?.jmap ?? undefined,
    isNothing: search.isSuccess && !found,
    error: search.isError ? messageOf(search.error) : undefined,
    agree: () => setAgreed(address),
  };
}

export function FoundServers({ discovered }: { discovered: Discovered }) {
  const { found, usable, isSearching, isNothing, error, jmap, agree } = discovered;
  if (!isSearching && !found && !isNothing && !error) return null;
  return (
    <Field label={texts.servers} wrong={error}>
      <div role="status" aria-label={texts.servers} className={look.besideLabel}>
        {isSearching && (
          <Group gap={8}>
            <Loader size={14} color="gray" />
            {texts.discovering}
          </Group>
        )}
        {isNothing && texts.discoveredNothing}
        {found && <Servers found={found} />}
        {found && !usable && (
          <div className={`notice ${styles.offer}`}>
            {texts.discoveredAsk}
            <div>
              <Button mt={8} size="compact-md" variant="default" onClick={agree}>
                {texts.discoveredTake}
              </Button>
            </div>
          </div>
        )}
        {jmap && <div className="hint">{texts.discoveredJmap({ host: jmap })}</div>}
      </div>
    </Field>
  );
}

function Servers({ found }: { found: Found }) {
  const { name, imap, smtp, source, sign_in_name, hint } = found;
  return (
    <>
      <div>
        <strong className={look.breaks}>{name ?? imap.server}</strong>{" "}
        <span className={look.second}>{texts.discoveredFrom[source] ?? source}</span>
      </div>
      <div className={`${look.second} ${look.breaks}`}>{said(imap, smtp)}</div>
      {sign_in_name && <div>{texts.discoveredSignIn({ provider: sign_in_name })}</div>}
      {hint && <div className={look.breaks}>{hint}</div>}
    </>
  );
}

type Server = { server: string; port: number };

function said(receives: Server, sends?: Server | null): string {
  const imap = `${receives.server}:${receives.port}`;
  if (!sends) return texts.discoveredImap({ imap });
  return texts.discoveredServers({ imap, smtp: `${sends.server}:${sends.port}` });
}

/** Pair to a customer or lead: the author's address is appended to the record. */
import { Button, Group, Modal, Radio, SegmentedControl, Stack, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { IconSearch } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, messageOf, REPEATABLE, type Schemas, unwrap } from "../../client";
import { texts } from "../../texts";
import { useParties } from "../parties/Parties";
import { offerUndo } from "../../components/undo";
import { changeRows } from "./optimistic";
import type { Row } from "./query";
import look from "../../design/look.module.css";
import styles from "./PairDialog.module.css";

export function PairDialog({ row, onClose }: { row: Row; onClose: () => void }) {
  const queries = useQueryClient();
  const [kind, setKind] = useState("customer");
  const [text, setText] = useState("");
  const [words] = useDebouncedValue(text, 150);
  const pages = useParties(kind, words);
  const parties = pages.data?.pages.flatMap((page) => page.parties) ?? [];
  const pairing = useQuery({
    queryKey: ["pairing", row.id],
    queryFn: () =>
      unwrap(api.GET("/api/v1/messages/{id}/pair", { params: { path: { id: row.id } } })),
  });
  const [chosen, setChosen] = useState<string>();
  const offers = pairing.data?.offers ?? [];
  const address = chosen ?? offers[0]?.address;
  const caution = offers.find((offer) => offer.address === address)?.caution;
  const refresh = () =>
    Promise.all(
      ["messages", "message", "parties", "party", "conversation"].map((key) =>
        queries.invalidateQueries({ queryKey: [key] }),
      ),
    );
  const failed = (error: unknown) =>
    notifications.show({
      color: "red",
      message: messageOf(error),
    });
  const unpair = useMutation({
    ...REPEATABLE,
    mutationFn: ({ id, address }: { id: string; address: string }) =>
      unwrap(
        api.DELETE("/api/v1/parties/{id}/pairings", {
          params: { path: { id }, query: { address } },
        }),
      ),
    onSuccess: refresh,
    onError: failed,
  });
  const pair = useMutation({
    ...REPEATABLE,
    mutationFn: (party: Schemas["PartyNameView"]) =>
      unwrap(
        api.POST("/api/v1/messages/{id}/pair", {
          params: { path: { id: row.id } },
          body: { party_id: party.id, address },
        }),
      ),
    onMutate: (party) => {
      onClose();
      return changeRows(queries, (shown) =>
        shown.author_address === address && shown.parties.length === 0
          ? { ...shown, author_kind: "party", parties: [party] }
          : shown,
      );
    },
    onSuccess: ({ address }, party) =>
      offerUndo(`pair-${row.id}`, texts.paired({ address, name: party.name }), () =>
        unpair.mutate({ id: party.id, address }),
      ),
    onError: (error, _, takeBack) => {
      takeBack?.();
      failed(error);
    },
    onSettled: refresh,
  });
  return (
    <Modal opened onClose={onClose} title={texts.pair} size="md">
      <p className={look.atTop}>
        {texts.pairHint({ address: address ?? row.author_address ?? "" })}
      </p>
      {(offers.length > 1 || caution) && (
        <Radio.Group label={texts.offers} value={address ?? null} onChange={setChosen} mb={12}>
          <Stack gap={6} mt={6}>
            {offers.map((offer) => (
              <Radio
                key={offer.address}
                value={offer.address}
                label={offer.address}
                description={offer.caution && texts.caution[offer.caution]}
              />
            ))}
          </Stack>
        </Radio.Group>
      )}
      {caution && (
        <div role="note" className={`notice ${styles.caution}`}>
          {address}: {texts.caution[caution]}
        </div>
      )}
      {pairing.data?.similar.map(({ party, address: held }) => (
        <Group key={party.id + held} justify="space-between" wrap="nowrap" py={6}>
          <span>{texts.similar({ name: party.name, address: held })}</span>
          <Button size="compact-sm" variant="default" onClick={() => pair.mutate(party)}>
            {texts.pairShort}
          </Button>
        </Group>
      ))}
      <Group gap={10} mb={10} wrap="nowrap">
        <SegmentedControl
          size="xs"
          aria-label={texts.kind}
          value={kind}
          onChange={setKind}
          data={[
            { value: "customer", label: texts.customers },
            { value: "lead", label: texts.leads },
          ]}
        />
        <TextInput
          flex={1}
          type="search"
          aria-label={texts.searchParties}
          placeholder={texts.searchParties}
          leftSection={<IconSearch size={16} stroke={1.6} />}
          value={text}
          onChange={(event) => setText(event.target.value)}
          data-autofocus
        />
      </Group>
      <div role="list" className={styles.found}>
        {parties.map((party) => (
          <Group key={party.id} role="listitem" justify="space-between" wrap="nowrap" py={6}>
            <span className={look.shrinks}>
              <strong>{party.name}</strong>{" "}
              <span className={`figures ${look.third}`}>{party.number}</span>
              <br />
              <small className={look.second}>{party.addresses[0]?.address}</small>
            </span>
            <Button
              size="compact-sm"
              variant="default"
              loading={pair.isPending && pair.variables.id === party.id}
              onClick={() => pair.mutate(party)}
            >
              {texts.pairShort}
            </Button>
          </Group>
        ))}
        {pages.isSuccess && parties.length === 0 && (
          <p className={look.second}>{texts.nothingFound}</p>
        )}
      </div>
    </Modal>
  );
}

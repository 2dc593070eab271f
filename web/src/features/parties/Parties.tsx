/** Customers, or leads: a list with search; the next page comes by itself. */
import { Button, Group, Modal, Table, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconPlus, IconSearch } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { useKeys } from "../../components/useKeys";
import { EmptyState, ErrorState, RowsSkeleton, shownOf } from "../../components/states";
import { api, type Schemas, unwrap } from "../../client";
import { texts } from "../../texts";
import { ImportDialog } from "./ImportDialog";
import { NEW_PARTY, PartyForm } from "./PartyForm";
import look from "../../design/look.module.css";
import styles from "./Parties.module.css";

export function Parties({ kind }: { kind: "customer" | "lead" }) {
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [words] = useDebouncedValue(text, 200);
  const [adding, setAdding] = useState(false);
  const [importing, setImporting] = useState(false);
  const pages = useParties(kind, words);
  const searchBox = useRef<HTMLInputElement>(null);
  useKeys({ "/": { does: texts.search, run: () => searchBox.current?.focus() } });
  const shown = shownOf(pages);
  const parties = shown.data?.pages.flatMap((page) => page.parties) ?? [];
  const open = (id: string) => void navigate({ to: "/party/$id", params: { id } });
  const title = kind === "customer" ? texts.customers : texts.leads;
  const add = kind === "customer" ? texts.addCustomer : texts.addLead;
  return (
    <div className="scroll">
      <div className={`page ${styles.page}`}>
        <Group justify="space-between" mb={12}>
          <h1 className={look.title}>{title}</h1>
          <Group gap={8}>
            <Button variant="default" onClick={() => setImporting(true)}>
              {texts.importCsv}
            </Button>
            <Button
              leftSection={<IconPlus size={17} stroke={1.6} />}
              onClick={() => setAdding(true)}
            >
              {add}
            </Button>
          </Group>
        </Group>
        <TextInput
          mb={14}
          type="search"
          ref={searchBox}
          aria-label={texts.searchParties}
          placeholder={texts.searchParties}
          leftSection={<IconSearch size={17} stroke={1.6} />}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        {pages.isPending && <RowsSkeleton />}
        {shown.error && <ErrorState error={shown.error} retry={() => void pages.refetch()} />}
        {pages.isSuccess &&
          parties.length === 0 &&
          (words ? (
            <EmptyState title={texts.nothingFound} hint={texts.nothingFoundParties} />
          ) : (
            <EmptyState
              title={kind === "customer" ? texts.noCustomers : texts.noLeads}
              hint={texts.noPartiesHint}
            >
              <Button mt={8} onClick={() => setAdding(true)}>
                {add}
              </Button>
            </EmptyState>
          ))}
        {parties.length > 0 && (
          <section className={`card ${look.scrolls}`}>
            <Table verticalSpacing="sm" horizontalSpacing="md" highlightOnHover>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{texts.name}</Table.Th>
                  <Table.Th>{texts.number}</Table.Th>
                  <Table.Th>{texts.email}</Table.Th>
                  <Table.Th>{texts.status}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {parties.map((party) => (
                  <Line key={party.id} party={party} onOpen={() => open(party.id)} />
                ))}
              </Table.Tbody>
            </Table>
          </section>
        )}
        {pages.hasNextPage && (
          <Button
            variant="default"
            loading={pages.isFetchingNextPage}
            onClick={() => void pages.fetchNextPage()}
          >
            {texts.more}
          </Button>
        )}
      </div>
      {importing && <ImportDialog kind={kind} onClose={() => setImporting(false)} />}
      <Modal opened={adding} onClose={() => setAdding(false)} title={add} size="lg">
        <PartyForm
          initial={{ ...NEW_PARTY, kind }}
          onSaved={(id) => {
            setAdding(false);
            open(id);
          }}
        />
      </Modal>
    </div>
  );
}

export function useParties(kind: string, text: string) {
  return useInfiniteQuery({
    queryKey: ["parties", kind, text],
    initialPageParam: undefined as Schemas["PartyPosition"] | undefined,
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v1/parties", {
          params: { query: { kind, text, after_name: pageParam?.name, after_id: pageParam?.id } },
        }),
      ),
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
  });
}

function Line({ party, onOpen }: { party: Schemas["PartyView"]; onOpen: () => void }) {
  const [first, ...more] = party.addresses;
  return (
    <Table.Tr onClick={onOpen} className={styles.opens}>
      <Table.Td>
        <button type="button" className="link" onClick={onOpen}>
          {party.name}
        </button>
      </Table.Td>
      <Table.Td className="figures">{party.number}</Table.Td>
      <Table.Td c="var(--ink2)">
        {more.length > 0
          ? texts.addressAndMore({ address: first?.address, count: more.length })
          : first?.address}
      </Table.Td>
      <Table.Td>{party.status}</Table.Td>
    </Table.Tr>
  );
}

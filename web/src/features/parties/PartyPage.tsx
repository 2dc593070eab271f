/** A customer or lead: Information, and Communication - only what the viewer may see of it. */
import { Button, Group, Modal, Skeleton, Tabs } from "@mantine/core";
import { IconArrowLeft, IconSend } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { ExportMenu } from "../../components/ExportMenu";
import { useState } from "react";
import { Avatar } from "../../components/Avatar";
import { Folded } from "../../components/Folded";
import { EmptyState, ErrorState, shownOf } from "../../components/states";
import { ApiProblem, api, messageOf, type Schemas, unwrap } from "../../client";
import { partyRoute } from "../../router";
import { texts } from "../../texts";
import { useComposer } from "../composer/context";
import { Communication } from "./Communication";
import { PartyForm } from "./PartyForm";
import look from "../../design/look.module.css";
import styles from "./PartyPage.module.css";

export function PartyPage() {
  const { id } = partyRoute.useParams();
  const search = partyRoute.useSearch();
  const navigate = useNavigate({ from: "/party/$id" });
  const composer = useComposer();
  const party = useQuery({
    queryKey: ["party", id],
    queryFn: () => unwrap(api.GET("/api/v1/parties/{id}", { params: { path: { id } } })),
  });
  const { data, error } = shownOf(party);
  if (party.isPending)
    return (
      <div className="page">
        <Skeleton height={60} mb={14} radius={8} />
        <Skeleton height={320} radius={8} />
      </div>
    );
  if (!data) {
    return error instanceof ApiProblem && error.status === 404 ? (
      <EmptyState title={texts.partyGone} hint={texts.partyGoneHint}>
        <Link to="/customers">
          <Button component="span" variant="default">
            {texts.customers}
          </Button>
        </Link>
      </EmptyState>
    ) : (
      <ErrorState error={error} retry={() => void party.refetch()} />
    );
  }
  return (
    <div className="party">
      <header className="head">
        <Link to={data.kind === "customer" ? "/customers" : "/leads"} className="crumb">
          <IconArrowLeft size={16} stroke={1.6} />{" "}
          {data.kind === "customer" ? texts.customers : texts.leads}
        </Link>
        <Group gap={12} wrap="nowrap">
          <Avatar name={data.name} unknown={false} />
          <div className={look.shrinks}>
            <h1>
              {data.name}{" "}
              {data.number && <span className={`figures ${styles.number}`}>{data.number}</span>}
            </h1>
            <div className={styles.addresses}>
              {data.addresses.length > 0 ? (
                <Folded items={data.addresses.map((held) => held.address)} />
              ) : (
                texts.noAddress
              )}
            </div>
          </div>
          <span className={styles.acts}>
            <ExportMenu scope={{ party_id: data.id }} />
          </span>
          <Button
            leftSection={<IconSend size={16} stroke={1.6} />}
            onClick={() =>
              composer.write(
                data.addresses
                  .slice(0, 1)
                  .map((held) => ({ name: data.name, address: held.address })),
                { name: data.name, number: data.number },
              )
            }
          >
            {texts.sendEmail}
          </Button>
        </Group>
        <Tabs
          value={search.tab ?? "communication"}
          onChange={(tab) => void navigate({ search: { tab: tab ?? undefined } })}
          mt={10}
        >
          <Tabs.List>
            <Tabs.Tab value="information">{texts.information}</Tabs.Tab>
            <Tabs.Tab value="communication">{texts.communication}</Tabs.Tab>
          </Tabs.List>
        </Tabs>
      </header>
      {search.tab === "information" ? (
        <Information party={data} />
      ) : (
        <Communication
          party={data}
          openThread={search.thread}
          onOpen={(thread) => void navigate({ search: { tab: "communication", thread } })}
        />
      )}
    </div>
  );
}

function Information({ party }: { party: Schemas["PartyView"] }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [asked, setAsked] = useState(false);
  const { addresses, ...rest } = party;
  const remove = useMutation({
    mutationFn: () =>
      unwrap(api.DELETE("/api/v1/parties/{id}", { params: { path: { id: party.id } } })),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["parties"] });
      await navigate({ to: party.kind === "customer" ? "/customers" : "/leads" });
    },
  });
  return (
    <div className="scroll">
      <div className="page">
        <section className={`card ${styles.information}`}>
          <PartyForm
            key={party.id}
            id={party.id}
            initial={{ ...rest, addresses: addresses.map((held) => held.address) }}
            onSaved={() => undefined}
          />
        </section>
        <Button variant="subtle" color="gray" onClick={() => setAsked(true)}>
          {texts.deleteRecord}
        </Button>
        <Modal
          opened={asked}
          onClose={() => setAsked(false)}
          title={`${texts.deleteRecord}: ${party.name}`}
        >
          <p className={look.atTop}>{texts.deleteRecordHint}</p>
          {remove.isError && (
            <p role="alert" className={look.wax}>
              {messageOf(remove.error)}
            </p>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setAsked(false)}>
              {texts.cancel}
            </Button>
            <Button loading={remove.isPending} onClick={() => remove.mutate()}>
              {texts.deleteRecord}
            </Button>
          </Group>
        </Modal>
      </div>
    </div>
  );
}

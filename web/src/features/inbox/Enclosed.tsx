/** What a message brings beside its text: invitations as when, where and who; contacts as records to add. */
import { Button, Modal } from "@mantine/core";
import { IconAddressBook, IconCalendarEvent } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Folded } from "../../components/Folded";
import { between } from "../../components/moments";
import { api, type Schemas, unwrap } from "../../client";
import { texts } from "../../texts";
import { NEW_PARTY, PartyForm } from "../parties/PartyForm";
import { offerUndo } from "../../components/undo";

const SHOWN = 5;

export function Enclosed({ view }: { view: Schemas["MessageView"] }) {
  return (
    <>
      {view.invitations.map((invitation, index) => (
        <Invitation key={index} invitation={invitation} />
      ))}
      {view.cards.map((card, index) => (
        <ContactCard key={index} card={card} />
      ))}
    </>
  );
}

function Invitation({ invitation }: { invitation: Schemas["InvitationView"] }) {
  const { kind, title, starts, ends, repeats, place, organizer, guests } = invitation;
  const when = starts && between(starts, ends ?? undefined);
  return (
    <section className="enclosed" aria-label={texts.invitationKinds[kind] ?? texts.event}>
      <IconCalendarEvent size={22} stroke={1.6} />
      <div>
        <small>{texts.invitationKinds[kind] ?? texts.event}</small>
        <strong className={kind === "cancelled" ? "struck" : undefined}>
          {title || texts.noSubject}
        </strong>
        <dl>
          {when && (
            <Row name={texts.when}>
              {when}
              {repeats && `, ${texts.repeats[repeats] ?? repeats}`}
            </Row>
          )}
          {place && <Row name={texts.where}>{place}</Row>}
          {(organizer ?? guests.length > 0) && (
            <Row name={texts.who}>
              <Folded
                shown={SHOWN}
                items={[
                  ...(organizer ? [`${named(organizer)} (${texts.organizer})`] : []),
                  ...guests.map(guest),
                ]}
              />
            </Row>
          )}
        </dl>
      </div>
    </section>
  );
}

const Row = ({ name, children }: { name: string; children: React.ReactNode }) => (
  <>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </>
);

const named = ({ name, address }: Schemas["GuestView"]) => name || address;

function guest(of: Schemas["GuestView"]): string {
  return of.answer ? `${named(of)} (${texts.answers[of.answer] ?? of.answer})` : named(of);
}

/** What a sender has put in the card is only filled in: a person looks at it and saves. */
function ContactCard({ card }: { card: Schemas["ContactCardView"] }) {
  const [kind, setKind] = useState<"customer" | "lead">();
  const queries = useQueryClient();
  const takeAway = useMutation({
    mutationFn: (id: string) =>
      unwrap(api.DELETE("/api/v1/parties/{id}", { params: { path: { id } } })),
    onSettled: () =>
      Promise.all(
        ["messages", "message", "parties", "conversation"].map((key) =>
          queries.invalidateQueries({ queryKey: [key] }),
        ),
      ),
  });
  const saved = (id: string, name: string) => {
    setKind(undefined);
    offerUndo(`added-${id}`, texts.added({ name }), () => takeAway.mutate(id));
  };
  const organization = card.organization !== card.name ? card.organization : "";
  const lines = [organization, ...card.addresses, ...card.phones, ...card.places].filter(Boolean);
  return (
    <section className="enclosed" aria-label={texts.contact}>
      <IconAddressBook size={22} stroke={1.6} />
      <div>
        <small>{texts.contact}</small>
        <strong>{card.name}</strong>
        <div>
          <Folded shown={SHOWN} items={lines} />
        </div>
        <div className="acts">
          <Button size="compact-sm" variant="default" onClick={() => setKind("customer")}>
            {texts.addCustomer}
          </Button>
          <Button size="compact-sm" variant="default" onClick={() => setKind("lead")}>
            {texts.addLead}
          </Button>
        </div>
      </div>
      <Modal
        opened={kind !== undefined}
        onClose={() => setKind(undefined)}
        title={kind === "lead" ? texts.addLead : texts.addCustomer}
        size="lg"
      >
        {kind && (
          <PartyForm
            initial={{
              ...NEW_PARTY,
              kind,
              name: card.name,
              addresses: card.addresses,
              phone: card.phones[0] ?? "",
              notes: [organization, ...card.phones.slice(1), ...card.places]
                .filter(Boolean)
                .join("\n"),
            }}
            onSaved={saved}
          />
        )}
      </Modal>
    </section>
  );
}

/** For super-administrators: who may sign in, and who did what. Nobody's mail is read from here. */
import {
  Button,
  Checkbox,
  CopyButton,
  Group,
  Menu,
  Modal,
  Skeleton,
  Stack,
  Table,
  TextInput,
} from "@mantine/core";
import { IconChevronDown, IconUserPlus } from "@tabler/icons-react";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Ask } from "../../components/Ask";
import { ErrorState, shownOf } from "../../components/states";
import { exactTime } from "../../components/time";
import { api, messageOf, REPEATABLE, type Schemas, unwrap } from "../../client";
import { useRefused } from "../../components/useRefused";
import { useSession } from "../../session";
import { texts } from "../../texts";
import { Tokens } from "./Tokens";
import look from "../../design/look.module.css";
import styles from "./Administrators.module.css";

type Staff = Schemas["StaffView"];

export function Administrators() {
  const staff = useQuery({ queryKey: ["staff"], queryFn: () => unwrap(api.GET("/api/v1/staff")) });
  const shown = shownOf(staff);
  const [adding, setAdding] = useState(false);
  const [link, setLink] = useState<string>();
  return (
    <div className="scroll">
      <div className="page">
        <Group justify="space-between" mb={14}>
          <h1 className={look.title}>{texts.administrators}</h1>
          <Button
            leftSection={<IconUserPlus size={17} stroke={1.6} />}
            onClick={() => setAdding(true)}
          >
            {texts.add}
          </Button>
        </Group>
        <p className={`${look.second} ${look.atTop}`}>{texts.administratorsHint}</p>
        {staff.isPending && <Skeleton height={200} radius={8} />}
        {shown.error && <ErrorState error={shown.error} retry={() => void staff.refetch()} />}
        {shown.data && <People staff={shown.data} onLink={setLink} />}
        <Tokens />
        <Audit staff={shown.data ?? []} />
      </div>
      <Modal opened={adding} onClose={() => setAdding(false)} title={texts.addAnAdministrator}>
        <Add
          onLink={(token) => {
            setAdding(false);
            setLink(token);
          }}
        />
      </Modal>
      <Modal opened={Boolean(link)} onClose={() => setLink(undefined)} title={texts.oneTimeLink}>
        <LinkToGive token={link ?? ""} />
      </Modal>
    </div>
  );
}

function useStaff() {
  const queries = useQueryClient();
  const refresh = () =>
    Promise.all(
      ["staff", "audit", "administrators"].map((key) =>
        queries.invalidateQueries({ queryKey: [key] }),
      ),
    );
  return { refresh };
}

function People({ staff, onLink }: { staff: Staff[]; onLink: (token: string) => void }) {
  return (
    <section className={`card ${look.scrolls}`}>
      <Table verticalSpacing="sm" horizontalSpacing="md">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{texts.name}</Table.Th>
            <Table.Th>{texts.login}</Table.Th>
            <Table.Th>{texts.role}</Table.Th>
            <Table.Th>{texts.state}</Table.Th>
            <Table.Th aria-label={texts.actions} />
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {staff.map((one) => (
            <Person key={one.id} one={one} onLink={onLink} />
          ))}
        </Table.Tbody>
      </Table>
    </section>
  );
}

/** What is asked before it is done. */
type Asked = "role" | "reset" | "disabled" | "erase";

function Person({ one, onLink }: { one: Staff; onLink: (token: string) => void }) {
  const me = useSession().data;
  const { refresh } = useStaff();
  const path = { params: { path: { id: one.id } } };
  const [asked, setAsked] = useState<Asked>();
  // At once: what comes of it may be shown in another dialog.
  const done = {
    onSuccess: () => {
      setAsked(undefined);
      return refresh();
    },
  };
  const change = useMutation({
    ...REPEATABLE,
    mutationFn: (part: Partial<Schemas["StaffRequest"]>) =>
      unwrap(
        api.PUT("/api/v1/staff/{id}", {
          ...path,
          body: { is_super: one.is_super, disabled: one.disabled, ...part },
        }),
      ),
    ...done,
  });
  const reset = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/staff/{id}/reset", path)),
    onSuccess: ({ token }) => {
      onLink(token);
      return done.onSuccess();
    },
  });
  const erase = useMutation({
    mutationFn: () => unwrap(api.DELETE("/api/v1/staff/{id}/mail", path)),
    ...done,
  });
  const close = () => {
    setAsked(undefined);
    for (const act of [change, reset, erase]) act.reset();
  };
  const isMe = me?.id === one.id;
  const asks: Record<
    Asked,
    {
      title: string;
      says: string;
      warning?: string;
      yes: string;
      act: typeof change | typeof reset | typeof erase;
      onYes: () => void;
    }
  > = {
    role: one.is_super
      ? {
          title: texts.makeAdministratorAsk({ name: one.name }),
          says: texts.makeAdministratorSays({ name: one.name }),
          warning: isMe ? texts.makeAdministratorOwn : undefined,
          yes: texts.makeAdministrator,
          act: change,
          onYes: () => change.mutate({ is_super: false }),
        }
      : {
          title: texts.makeSuperAsk({ name: one.name }),
          says: texts.makeSuperSays({ name: one.name }),
          yes: texts.makeSuper,
          act: change,
          onYes: () => change.mutate({ is_super: true }),
        },
    reset: {
      title: texts.resetAsk({ name: one.name }),
      says: texts.resetSays({ name: one.name }),
      yes: texts.resetSignIn,
      act: reset,
      onYes: () => reset.mutate(),
    },
    disabled: one.disabled
      ? {
          title: texts.enableAsk({ name: one.name }),
          says: texts.enableSays({ name: one.name }),
          yes: texts.enable,
          act: change,
          onYes: () => change.mutate({ disabled: false }),
        }
      : {
          title: texts.disableAsk({ name: one.name }),
          says: texts.disableSays({ name: one.name }),
          yes: texts.disable,
          act: change,
          onYes: () => change.mutate({ disabled: true }),
        },
    erase: {
      title: texts.eraseMailAsk({ name: one.name }),
      says: texts.eraseMailSays,
      yes: texts.eraseMail,
      act: erase,
      onYes: () => erase.mutate(),
    },
  };
  return (
    <Table.Tr c={one.disabled ? "var(--ink3)" : undefined}>
      <Table.Td>
        {one.name}
        {isMe && ` ${texts.thisIsYou}`}
      </Table.Td>
      <Table.Td>{one.login}</Table.Td>
      <Table.Td>{one.is_super ? texts.superAdministrator : texts.administrator}</Table.Td>
      <Table.Td>
        {one.disabled ? texts.disabled : one.second_factor ? texts.secondFactorOn : texts.active}
      </Table.Td>
      <Table.Td ta="end">
        <Menu position="bottom-end">
          <Menu.Target>
            <Button
              size="compact-sm"
              variant="default"
              rightSection={<IconChevronDown size={15} stroke={1.6} />}
              aria-label={`${texts.actions}: ${one.name}`}
            >
              {texts.actions}
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => setAsked("role")}>{asks.role.yes}</Menu.Item>
            {!isMe && <Menu.Item onClick={() => setAsked("reset")}>{texts.resetSignIn}</Menu.Item>}
            {!isMe && (
              <Menu.Item onClick={() => setAsked("disabled")}>{asks.disabled.yes}</Menu.Item>
            )}
            {one.disabled && (
              <Menu.Item color="wax" onClick={() => setAsked("erase")}>
                {texts.eraseMail}
              </Menu.Item>
            )}
          </Menu.Dropdown>
        </Menu>
        {asked && <Ask {...asks[asked]} onClose={close} />}
      </Table.Td>
    </Table.Tr>
  );
}

function Add({ onLink }: { onLink: (token: string) => void }) {
  const { refresh } = useStaff();
  const [form, setForm] = useState({ login: "", name: "", is_super: false });
  const add = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/api/v1/staff", {
          body: { ...form, time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone },
        }),
      ),
    onSuccess: async ({ token }) => {
      onLink(token);
      await refresh();
    },
  });
  const { wrong, error } = useRefused(form, add.error);
  return (
    <form
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        add.mutate();
      }}
    >
      <Stack gap={12}>
        <TextInput
          label={texts.name}
          value={form.name}
          onChange={(event) => setForm({ ...form, name: event.target.value })}
          error={wrong.name}
          data-autofocus
        />
        <TextInput
          label={texts.login}
          autoComplete="off"
          value={form.login}
          onChange={(event) => setForm({ ...form, login: event.target.value })}
          error={wrong.login}
        />
        <Checkbox
          label={texts.superAdministrator}
          checked={form.is_super}
          onChange={(event) => setForm({ ...form, is_super: event.target.checked })}
        />
        {error && (
          <div role="alert" className={look.wax}>
            {error}
          </div>
        )}
        <Button type="submit" loading={add.isPending}>
          {texts.makeTheLink}
        </Button>
      </Stack>
    </form>
  );
}

function LinkToGive({ token }: { token: string }) {
  const link = `${window.location.origin}/welcome#${token}`;
  const [to, setTo] = useState("");
  const mail = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/staff/link-mail", { body: { to, token } })),
  });
  return (
    <Stack gap={12}>
      <p className={look.flush}>{texts.oneTimeLinkHint}</p>
      <code className={look.breaks}>{link}</code>
      <CopyButton value={link}>
        {({ copied, copy }) => <Button onClick={copy}>{copied ? texts.copied : texts.copy}</Button>}
      </CopyButton>
      <form
        className={styles.send}
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          mail.mutate();
        }}
      >
        <TextInput
          flex={1}
          type="email"
          aria-label={texts.orSend}
          placeholder={texts.orSendThisAddress}
          value={to}
          onChange={(event) => setTo(event.target.value)}
          error={mail.isError ? messageOf(mail.error) : undefined}
        />
        <Button type="submit" variant="default" loading={mail.isPending}>
          {mail.isSuccess ? texts.sent : texts.send}
        </Button>
      </form>
    </Stack>
  );
}

const VERBS: Record<string, string> = {
  signed_in: texts.signedIn,
  opened: texts.openedMailOf,
  access_confirmed: texts.confirmedAccessOf,
  access_given: texts.gaveAccessTo,
  access_ended: texts.endedAccessTo,
  password_stored: texts.storedMailPassword,
  certificate_pinned: texts.pinnedCertificate,
  exported: texts.didExport,
  tested: texts.didTest,
  unsealed: texts.didUnseal,
  account_erased: texts.erasedAnAccount,
  administrator_added: texts.addedAnAdministrator,
  made_super: texts.madeASuperAdministrator,
  made_administrator: texts.madeSomebodyAdministratorAgain,
  disabled: texts.disabledAnAdministrator,
  enabled: texts.enabledAnAdministrator,
  sign_in_reset: texts.resetASignIn,
  link_mailed: texts.sentSignInLink,
  system_mail_changed: texts.changedSystemSE,
  mail_erased: texts.erasedLeaverSMail,
  token_made: texts.madeApiToken,
  token_revoked: texts.revokedApiToken,
  party_added: texts.addedARecord,
  party_changed: texts.changedARecord,
  party_deleted: texts.deletedARecord,
  party_imported: texts.broughtRecordUpDate,
  paired: texts.pairedAnAuthor,
  unpaired: texts.tookPairingBack,
  blocked: texts.blockedSenderAt,
  unblocked: texts.unblockedSenderAt,
  second_factor_on: texts.turnedSecondFactorOn,
  second_factor_off: texts.turnedSecondFactorOff,
};

function Audit({ staff }: { staff: Staff[] }) {
  const audit = useInfiniteQuery({
    queryKey: ["audit"],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/api/v1/audit", { params: { query: { before: pageParam } } })),
    getNextPageParam: (page) => page.older ?? undefined,
    select: (data) => data.pages.flatMap((page) => page.lines),
  });
  const names = new Map(staff.map((one) => [one.id, one.name]));
  return (
    <section className={`card ${styles.audit}`} aria-label={texts.auditLog}>
      <h2 className={styles.auditTitle}>{texts.auditLog}</h2>
      {audit.data && (
        <Table horizontalSpacing="md">
          <Table.Tbody>
            {audit.data.map((line, index) => (
              <Table.Tr key={index}>
                <Table.Td className={`figures ${styles.hour}`}>
                  {exactTime(new Date(line.hour))}
                </Table.Td>
                <Table.Td>
                  {line.administrator_id
                    ? (names.get(line.administrator_id) ?? texts.somebody)
                    : texts.commandLine}{" "}
                  {VERBS[line.verb] ?? line.verb}
                </Table.Td>
                <Table.Td c="var(--ink3)">
                  {line.account_id ? texts.accountShort({ id: line.account_id.slice(-6) }) : ""}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {audit.hasNextPage && (
        <Button
          mx={16}
          variant="default"
          size="compact-sm"
          loading={audit.isFetchingNextPage}
          onClick={() => void audit.fetchNextPage()}
        >
          {texts.more}
        </Button>
      )}
      <p className={styles.auditHint}>{texts.auditHint}</p>
    </section>
  );
}

/** Asked before what cannot be taken back here: whom or what it is about, and what will happen. */
import { Button, Group, Modal } from "@mantine/core";
import type { ReactNode } from "react";
import { messageOf } from "../client";
import { texts } from "../texts";
import look from "../design/look.module.css";

type Act = { isPending: boolean; isError: boolean; error: unknown };

export function Ask({
  title,
  says,
  warning,
  yes,
  act,
  onYes,
  onClose,
}: {
  title: string;
  says: ReactNode;
  /** What should make one stop. */
  warning?: string;
  /** The name of the act, on its button. */
  yes: string;
  act: Act;
  onYes: () => void;
  onClose: () => void;
}) {
  return (
    <Modal opened onClose={onClose} title={title}>
      <p className={look.atTop}>{says}</p>
      {warning && (
        <p className="notice doubt" role="note">
          {warning}
        </p>
      )}
      {act.isError && (
        <p role="alert" className={look.wax}>
          {messageOf(act.error)}
        </p>
      )}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose} data-autofocus>
          {texts.cancel}
        </Button>
        <Button loading={act.isPending} onClick={onYes}>
          {yes}
        </Button>
      </Group>
    </Modal>
  );
}

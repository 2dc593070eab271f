import { Button, Collapse, Group } from "@mantine/core";
import { IconChevronDown, IconChevronUp } from "@tabler/icons-react";
import { type FormEvent, type ReactNode, useState } from "react";
import { texts } from "../../texts";
import look from "../../design/look.module.css";
import styles from "./Card.module.css";

/** One of the five cards: its own Save, its own state. */
export function Card({
  title,
  icon,
  summary,
  children,
  onSave,
  saving,
  saved,
  error,
  extra,
  open: initially = true,
}: {
  title: string;
  icon: ReactNode;
  summary: string;
  children: ReactNode;
  onSave?: () => void;
  saving?: boolean;
  saved?: boolean;
  /** What went wrong that belongs to no field. */
  error?: string;
  extra?: ReactNode;
  open?: boolean;
}) {
  const [open, setOpen] = useState(initially);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSave?.();
  };
  return (
    <section className="card" aria-label={title}>
      <button
        type="button"
        className="card-head"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        {icon}
        {title}
        <span className="summary">{summary}</span>
        {open ? (
          <IconChevronUp size={17} stroke={1.6} className={look.still} />
        ) : (
          <IconChevronDown size={17} stroke={1.6} className={look.still} />
        )}
      </button>
      <Collapse expanded={open}>
        <form className="card-body" onSubmit={submit} noValidate>
          {children}
          {error && (
            <div role="alert" className={styles.error}>
              {error}
            </div>
          )}
          {onSave && (
            <Group justify="flex-end" gap={10}>
              {saved && (
                <span role="status" className={look.good}>
                  {texts.saved}
                </span>
              )}
              {extra}
              <Button type="submit" loading={saving}>
                {texts.save}
              </Button>
            </Group>
          )}
        </form>
      </Collapse>
    </section>
  );
}

import styles from "./Avatar.module.css";

const TINTS = 6;

/** The first letter of a name; U for a sender nobody knows. */
export function Avatar({ name, unknown }: { name: string; unknown: boolean }) {
  if (unknown)
    return (
      <span className={styles.avatar} data-avatar aria-hidden>
        U
      </span>
    );
  const tint = [...name].reduce((sum, letter) => sum + (letter.codePointAt(0) ?? 0), 0) % TINTS;
  return (
    <span className={styles.avatar} data-avatar data-tint={tint} aria-hidden>
      {([...name.trim()][0] ?? "?").toUpperCase()}
    </span>
  );
}

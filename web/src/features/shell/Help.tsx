/** `?`: the keys that act where it was pressed, in the words of those who registered them. */
import { Kbd, Modal } from "@mantine/core";
import type { Key } from "../../components/useKeys";
import { texts } from "../../texts";
import look from "../../design/look.module.css";
import styles from "./Help.module.css";

/** Of the composer and the palette, which have the keyboard for themselves. */
const OTHERS: [string, string][] = [
  ["Ctrl Enter", texts.send],
  ["Ctrl K", texts.openAnythingByName],
];

export function Help({ keys, onClose }: { keys?: [string, Key][]; onClose: () => void }) {
  const named = (keys ?? []).map(([key, { does }]): [string, string] => [key, does]);
  return (
    <Modal opened={keys !== undefined} onClose={onClose} title={texts.keyboard}>
      <dl className={styles.keys}>
        {[...named, ...OTHERS].map(([key, does]) => (
          <div key={key} className={look.pair}>
            <dt>
              <Kbd>{key}</Kbd>
            </dt>
            <dd className={look.flush}>{does}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}

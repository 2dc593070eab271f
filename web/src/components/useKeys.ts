import { useEffect, useRef } from "react";

/** The first of two keys ("g i"), for everybody who listens, and how long the second may take. */
const FIRST_KEY = "g";
const SECOND_KEY_MS = 1_000;

/** Single keys or two in a row ("g i"), by the character they type: `#` is another key on every keyboard. Not while typing. */
export function useKeys(keys: Record<string, () => void>) {
  const current = useRef(keys);
  useEffect(() => {
    current.current = keys;
  });
  useEffect(() => {
    let first = -SECOND_KEY_MS;
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const typing = target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
      if (typing || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const isSecond = event.timeStamp - first < SECOND_KEY_MS;
      first = !isSecond && event.key === FIRST_KEY ? event.timeStamp : -SECOND_KEY_MS;
      const run = current.current[isSecond ? `${FIRST_KEY} ${event.key}` : event.key];
      if (!run || (event.key === "Enter" && target.tagName === "BUTTON")) return;
      event.preventDefault();
      run();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
}

import { useEffect, useRef } from "react";

/** Single keys, by the character they type: `#` is another key on every keyboard. Not while typing. */
export function useKeys(keys: Record<string, () => void>) {
  const current = useRef(keys);
  useEffect(() => {
    current.current = keys;
  });
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const typing = target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
      if (typing || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const run = current.current[event.key];
      if (!run || (event.key === "Enter" && target.tagName === "BUTTON")) return;
      event.preventDefault();
      run();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
}

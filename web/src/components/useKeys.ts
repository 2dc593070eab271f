/**
 * Single keys ("#") and two in a row ("g i"), by the character they type: `#` is another key on every keyboard.
 *
 * A key acts only for the layer that has the keyboard. Layers are known by the role that screen readers need anyway, so
 * that none can be forgotten here: behind whatever is open above the page, no key acts. What lies beside the page and is
 * marked `data-beside` (a composer) has the keyboard from the moment it is there until the focus, or a press, is elsewhere.
 */
import { useEffect, useRef } from "react";

type Keys = Record<string, () => void>;

/** The first of two keys ("g i"), for everybody who listens, and how long the second may take. */
const FIRST_KEY = "g";
const SECOND_KEY_MS = 1_000;
/** What goes on while the key is held; everything else is done once for each press. */
const HELD = ["j", "k"];

const LAYERS = "[role=dialog], [role=alertdialog], [role=menu], [role=listbox]";
const BESIDE = "[data-beside]";
const TYPED_INTO =
  "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]:not([contenteditable=false])";
/** What has its own meaning of Enter. */
const PRESSED = "a, button, summary, input, [role=button], [role=tab]";

const listeners = new Set<{ current: Keys }>();

/** Listens while the component is there. Of two that know the same key, the one that came last is asked. */
export function useKeys(keys: Keys) {
  const current = useRef(keys);
  useEffect(() => {
    current.current = keys;
  });
  useEffect(() => {
    listeners.add(current);
    return () => void listeners.delete(current);
  }, []);
}

/** Called once, before anything is drawn: a dialog that Escape closes must still be there when it is asked whose the key is. */
export function listenForKeys() {
  let first = -SECOND_KEY_MS;
  let hand = { isBeside: false, layersBeside: 0 };
  const moved = ({ target }: Event) => {
    hand = {
      isBeside: target instanceof Element && target.closest(BESIDE) !== null,
      layersBeside: document.querySelectorAll(BESIDE).length,
    };
  };
  window.addEventListener("pointerdown", moved, true);
  window.addEventListener("focusin", moved, true);
  window.addEventListener(
    "keydown",
    (event) => {
      if (
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        event.isComposing ||
        (event.repeat && !HELD.includes(event.key))
      )
        return;
      if (isTyping(event) || isForLayer(hand)) return;
      const isSecond = event.timeStamp - first < SECOND_KEY_MS;
      first = !isSecond && event.key === FIRST_KEY ? event.timeStamp : -SECOND_KEY_MS;
      const run = find(isSecond ? `${FIRST_KEY} ${event.key}` : event.key);
      if (!run) return;
      event.preventDefault();
      run();
    },
    true,
  );
}

function isTyping({ key, target }: KeyboardEvent): boolean {
  const element = target as Element;
  return (
    element.matches(TYPED_INTO) ||
    (element as HTMLElement).isContentEditable ||
    (key === "Enter" && element.matches(PRESSED))
  );
}

/** Whether the key belongs to something that is open above the page, or beside it: there since the hand last moved, or where it is. */
function isForLayer({
  isBeside,
  layersBeside,
}: {
  isBeside: boolean;
  layersBeside: number;
}): boolean {
  const shown = [...document.querySelectorAll(LAYERS)].filter((layer) => layer.checkVisibility());
  const beside = shown.filter((layer) => layer.matches(BESIDE));
  return (
    shown.length > beside.length || (beside.length > 0 && isBeside) || beside.length > layersBeside
  );
}

function find(key: string): (() => void) | undefined {
  return [...listeners].reverse().find((keys) => keys.current[key])?.current[key];
}

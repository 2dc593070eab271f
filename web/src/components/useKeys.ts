/**
 * Single keys ("#") and two in a row ("g i"), by the character they type: `#` is another key on every keyboard.
 *
 * A key acts only for the layer that has the keyboard. Layers are known by the role that screen readers need anyway, so
 * that none can be forgotten here: behind whatever is open above the page, no key acts. What lies beside the page and is
 * marked `data-beside` (a composer) has the keyboard from the moment it is there until the focus, or a press, is elsewhere.
 */
import { useEffect, useRef } from "react";

/** `does`: in the words of the list that `?` shows. */
export type Key = { does: string; run: () => void };
type Keys = Record<string, Key>;

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
const PRESSED = "a, button, summary, input, [role=button], [role=tab], [tabindex='0']";

/** In turn: what is asked last, first. */
const listeners: { current: Keys }[] = [];

/**
 * Listens while the component is there. Of two that know the same key, the one that came last is asked; one that acts
 * everywhere is asked after every page, whichever was drawn first.
 */
export function useKeys(keys: Keys, isEverywhere = false) {
  const current = useRef(keys);
  useEffect(() => {
    current.current = keys;
  });
  useEffect(() => {
    if (isEverywhere) listeners.unshift(current);
    else listeners.push(current);
    return () => void listeners.splice(listeners.indexOf(current), 1);
  }, [isEverywhere]);
}

/** All that act now, as long as nothing is open above the page. */
export function listedKeys(): [string, Key][] {
  return [...new Map([...listeners].flatMap(({ current }) => Object.entries(current)))];
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
      bringIntoLayer(event);
      if (isTyping(event) || isForLayer(hand)) return;
      const isSecond = event.timeStamp - first < SECOND_KEY_MS;
      first = !isSecond && event.key === FIRST_KEY ? event.timeStamp : -SECOND_KEY_MS;
      const key = find(isSecond ? `${FIRST_KEY} ${event.key}` : event.key);
      if (!key) return;
      event.preventDefault();
      key.run();
    },
    true,
  );
}

/** What is typed in the moment before a dialog has the focus is typed into it. */
function bringIntoLayer({ key, target }: KeyboardEvent) {
  const layer = shownLayers().find((layer) => layer.matches(`[role=dialog]:not(${BESIDE})`));
  if (key.length !== 1 || !layer || layer.contains(target as Element)) return;
  layer.querySelector<HTMLElement>(`:is(${TYPED_INTO})`)?.focus();
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
  const shown = shownLayers();
  const beside = shown.filter((layer) => layer.matches(BESIDE));
  return (
    shown.length > beside.length || (beside.length > 0 && isBeside) || beside.length > layersBeside
  );
}

const shownLayers = () =>
  [...document.querySelectorAll(LAYERS)].filter((layer) => layer.checkVisibility());

function find(key: string): Key | undefined {
  return [...listeners].reverse().find((keys) => keys.current[key])?.current[key];
}

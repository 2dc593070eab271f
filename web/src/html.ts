/** Text of HTML, and HTML of text. */

export function textOf(html: string): string {
  const { body } = new DOMParser().parseFromString(
    html.replaceAll(/<\/(p|li|h\d|tr)>|<br\s*\/?>/g, "$&\n"),
    "text/html",
  );
  return (body.textContent ?? "").trim();
}

/** Those that HTML would leave out: at the beginning, at the end, and before another one. */
const LOST_SPACES = /^[ \t]|[ \t](?=[ \t]|$)/gm;

/** What was typed before there was an editor. */
export function paragraphs(text: string): string {
  const escaped = text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(LOST_SPACES, "\u00a0");
  return text === ""
    ? ""
    : escaped
        .split("\n")
        .map((line) => `<p>${line}</p>`)
        .join("");
}

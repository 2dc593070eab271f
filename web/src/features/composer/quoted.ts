/** Which words of a letter are its writer's own. */

/** How the server begins what is forwarded, and ends the line above what is quoted. */
const FORWARDED = "---------- Forwarded message ----------";
const ABOVE_QUOTE = /wrote:\s*$/;

/** Without what is quoted or forwarded, and without its images. */
export function ownWords(html: string): string {
  const { body } = new DOMParser().parseFromString(html, "text/html");
  for (const quote of body.querySelectorAll("blockquote")) {
    const above = quote.previousElementSibling;
    if (above && ABOVE_QUOTE.test(above.textContent ?? "")) above.remove();
    quote.remove();
  }
  const blocks = [...body.children];
  const forwarded = blocks.findIndex((block) => block.textContent?.includes(FORWARDED));
  if (forwarded >= 0) for (const block of blocks.slice(forwarded)) block.remove();
  for (const image of body.querySelectorAll("img")) image.remove();
  return body.innerHTML;
}

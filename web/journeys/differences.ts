/**
 * What another build's pictures look like beside this one's: `npm run differences -- FOLDER`, where FOLDER holds the
 * screenshots of that build. Writes screenshots/differences/index.html, the most changed first. For eyes: hours and days
 * differ in every run, so that nothing fails by a pixel.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import pixelmatch from "pixelmatch";
import { PNG } from "pngjs";

const NOW = resolve(import.meta.dirname, "../../screenshots");
const REPORT = join(NOW, "differences");

type Pair = { name: string; share: number; note: string };

const pictures = (folder: string) => readdirSync(folder).filter((name) => name.endsWith(".png"));

function compare(name: string, before: string): Pair {
  const [old, now] = [before, NOW].map((folder) => PNG.sync.read(readFileSync(join(folder, name))));
  if (!old || !now || old.width !== now.width || old.height !== now.height)
    return { name, share: 1, note: "another size" };
  const marked = new PNG({ width: now.width, height: now.height });
  const changed = pixelmatch(old.data, now.data, marked.data, now.width, now.height);
  writeFileSync(join(REPORT, name), PNG.sync.write(marked));
  const share = changed / (now.width * now.height);
  return { name, share, note: `${(share * 100).toFixed(2)} %` };
}

function shown({ name, note }: Pair, before: string): string {
  const sources = [join(before, name), join(NOW, name), join(REPORT, name)];
  const images = sources.map((source) => `<img src="${relative(REPORT, source)}" alt="">`).join("");
  return `<section><h2>${name}: ${note}</h2>${images}</section>`;
}

const [folder] = process.argv.slice(2);
if (!folder) {
  console.error("npm run differences -- FOLDER: the pictures of the other build");
  process.exit(2);
}
const before = resolve(folder);
rmSync(REPORT, { recursive: true, force: true });
mkdirSync(REPORT, { recursive: true });
const known = new Set(pictures(before));
const pairs = pictures(NOW)
  .filter((name) => known.has(name))
  .map((name) => compare(name, before))
  .sort((one, other) => other.share - one.share);
const style =
  "<style>img { width: 32%; margin-right: 1% } body { font-family: sans-serif }</style>";
writeFileSync(
  join(REPORT, "index.html"),
  `<!doctype html><meta charset="utf-8">${style}${pairs.map((pair) => shown(pair, before)).join("")}`,
);
for (const { name, note } of pairs.filter(({ share }) => share > 0.01)) console.log(name, note);
console.log(`${pairs.length} pictures compared: screenshots/differences/index.html`);

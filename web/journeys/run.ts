/**
 * Runs the journeys, two files at a time. One that fails is run once more, alone, and named: a browser beside another
 * one on a busy machine can be late. Where all is run (FULL=1), once is once.
 */
import { spawn, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";

const FOLDER = import.meta.dirname;
const argumentsFor = (file: string) => [
  "--import",
  "tsx",
  "--test",
  "--test-timeout=900000",
  `${FOLDER}/${file}`,
];

const waiting = readdirSync(FOLDER).filter((file) => file.endsWith(".test.ts"));
const failed: string[] = [];

function once(file: string): Promise<void> {
  return new Promise((ended) => {
    const child = spawn(process.execPath, argumentsFor(file), { stdio: "inherit" });
    child.on("exit", (code) => {
      if (code !== 0) failed.push(file);
      ended();
    });
  });
}

async function work(): Promise<void> {
  for (let file = waiting.shift(); file; file = waiting.shift()) await once(file);
}

await Promise.all([work(), work()]);
const again = process.env.FULL
  ? failed
  : failed.filter(
      (file) => spawnSync(process.execPath, argumentsFor(file), { stdio: "inherit" }).status !== 0,
    );
for (const file of failed)
  console.log(
    `${again.includes(file) ? "FAILED" : "FLAKY, FAILED ONCE AND THEN PASSED ALONE"}: ${file}`,
  );
process.exit(again.length === 0 ? 0 : 1);

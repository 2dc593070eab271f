/** What a failure means for whoever asks again by himself. */
import { ApiProblem } from "../../client";

/** An answer that takes longer counts as lost. */
const ANSWER_MS = 30_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

export const inTime = () => AbortSignal.timeout(ANSWER_MS);

/** Nothing is known of what was asked: the line, or the server for the moment. */
export function isLineFault(error: unknown): boolean {
  return (
    error instanceof ApiProblem &&
    (error.status === 0 || error.status === 429 || error.status >= 500)
  );
}

export function hasStatus(error: unknown, status: number): boolean {
  return error instanceof ApiProblem && error.status === status;
}

/** Longer after each failure; at once when the browser is online again, and when it is stopped. */
export function pause(failures: number, stop: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const end = () => {
      window.clearTimeout(timer);
      window.removeEventListener("online", end);
      stop.removeEventListener("abort", end);
      done();
    };
    const timer = window.setTimeout(
      end,
      Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS),
    );
    window.addEventListener("online", end);
    stop.addEventListener("abort", end);
  });
}

/** Asks until there is an answer; undefined once it is stopped. A refusal is thrown. */
export async function untilAnswered<T>(
  stop: AbortSignal,
  ask: () => Promise<T>,
  waiting: () => void = () => undefined,
): Promise<T | undefined> {
  for (let failures = 0; !stop.aborted; failures += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!isLineFault(error)) throw error;
      waiting();
      await pause(failures, stop);
    }
  }
  return undefined;
}

/**
 * Journeys under faults of the line. A scenario runs once on a good line, which names its requests; then once more
 * for each request and each thing that can go wrong with it.
 */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { BrowserContext, Page, Route } from "playwright-core";

/** What a line does to one request. After it the line is good again. */
const FAULTS = ["delayed", "cut before", "cut after", "twice"] as const;
export type Fault = (typeof FAULTS)[number];

/** How long a delayed request waits before it is let through. */
const DELAY_MS = 1_500;
const ID = /[0-9a-f]{8}-[0-9a-f-]{27}/g;

/** A request by what it asks and how many of the same came before: `PUT /api/v1/drafts/:id #2`. */
export type Call = string;

/** The line between the pages of one context and the server. */
export class Line {
  /** In order, as they were made. */
  readonly calls: Call[] = [];
  /** Whether the request that the fault is for has come. */
  met = false;
  private isDown = false;
  private readonly counts = new Map<string, number>();

  private constructor(private readonly at?: { call: Call; fault: Fault }) {}

  static async of(context: BrowserContext, at?: { call: Call; fault: Fault }): Promise<Line> {
    const line = new Line(at);
    await context.route(/\/api\/v1\/(?!events)/, (route) => line.carry(route));
    return line;
  }

  /** Every request is refused until {@link up}; the browser still believes that it is online. */
  down(): void {
    this.isDown = true;
  }

  up(): void {
    this.isDown = false;
  }

  private async carry(route: Route): Promise<void> {
    const call = this.named(route);
    this.calls.push(call);
    if (this.isDown) return cut(route);
    if (call !== this.at?.call) return quietly(route.continue());
    this.met = true;
    await quietly(carryWith(this.at.fault, route));
  }

  private named(route: Route): Call {
    const { pathname } = new URL(route.request().url());
    const name = `${route.request().method()} ${pathname.replaceAll(ID, ":id")}`;
    const nth = (this.counts.get(name) ?? 0) + 1;
    this.counts.set(name, nth);
    return `${name} #${nth}`;
  }
}

async function carryWith(fault: Fault, route: Route): Promise<void> {
  switch (fault) {
    case "delayed":
      await new Promise((wait) => setTimeout(wait, DELAY_MS));
      return route.continue();
    case "cut before":
      return cut(route);
    case "cut after":
      await route.fetch();
      return cut(route);
    case "twice":
      await route.fetch();
      return route.fulfill({ response: await route.fetch() });
  }
}

function cut(route: Route): Promise<void> {
  return quietly(route.abort("connectionreset"));
}

/** A page that has gone meanwhile needs no answer. */
async function quietly(done: Promise<unknown>): Promise<void> {
  await done.catch(() => undefined);
}

type Scenario = {
  /** Signed in, in a context of its own; used for run after run, until one fails. */
  open: () => Promise<Page>;
  /** The requests that are worth a fault; all of the API's, if it is left out. */
  only?: (call: Call) => boolean;
  /** How many run side by side. */
  abreast?: number;
  /** Does it, and compares what the page says with what the server has. `run` is a name that no other run has. */
  act: (page: Page, run: string, line: Line) => Promise<void>;
};

/** The scenario on a good line, then for each of its requests and each fault (`FULL=1`), or one fault each in turn. */
export async function underEveryFault(test: TestContext, scenario: Scenario): Promise<void> {
  const first = new Worker(scenario);
  const { calls } = await first.run("good line");
  const asked = [...new Set(calls)].filter(scenario.only ?? (() => true));
  assert.ok(asked.length > 0, "the scenario asks nothing of the server");
  const runs = asked.flatMap((call, at) => faultsOf(at).map((fault) => ({ call, fault })));
  if (!process.env.FULL)
    test.diagnostic(
      `a slice: ${runs.length} of ${asked.length * FAULTS.length} faults; make journeys runs all`,
    );
  const work = async (worker: Worker) => {
    for (let at = runs.shift(); at; at = runs.shift()) {
      const { call, fault } = at;
      await test.test(`${call} ${fault}`, async (one) => {
        const line = await worker.run(`${call} ${fault}`, { call, fault });
        // The first of its kind always comes; whether there is a further save is a matter of moments.
        assert.ok(line.met || !call.endsWith("#1"), "the request did not come");
        if (!line.met) one.diagnostic("the request did not come this time");
      });
    }
    await worker.close();
  };
  const others = Array.from({ length: (scenario.abreast ?? 2) - 1 }, () => new Worker(scenario));
  await Promise.all([first, ...others].map(work));
}

function faultsOf(at: number): readonly Fault[] {
  return process.env.FULL ? FAULTS : FAULTS.filter((_, fault) => fault === at % FAULTS.length);
}

class Worker {
  private page?: Page;

  constructor(private readonly scenario: Scenario) {}

  async run(name: string, at?: { call: Call; fault: Fault }): Promise<Line> {
    const page = (this.page ??= await this.scenario.open());
    const line = await Line.of(page.context(), at);
    try {
      await this.scenario.act(page, name, line);
      await page.context().unrouteAll({ behavior: "ignoreErrors" });
      return line;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.page?.context().close();
    this.page = undefined;
  }
}

/** The tab dies as if its process had: nothing of it runs any more, not even what runs when a page is left. */
export async function killTab(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const crashed = new Promise((done) => page.once("crash", done));
  void session.send("Page.crash").catch(() => undefined);
  await crashed;
  await page.close();
}

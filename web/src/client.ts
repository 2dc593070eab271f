/** The HTTP client: typed by the OpenAPI document, failures as one kind of error. */
import createClient from "openapi-fetch";
import type { components, paths } from "./api/schema";
import { texts } from "./texts";

export type Schemas = components["schemas"];
export const api = createClient<paths>({ baseUrl: "/" });

export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly fields: Record<string, string> = {},
    /** A code of the second factor is asked for. */
    readonly secondFactor = false,
  ) {
    super(message);
  }
}

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** The data, or an {@link ApiProblem} that says what to show and where. */
export async function unwrap<T>(pending: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await pending;
  } catch {
    throw new ApiProblem(0, texts.noAnswer);
  }
  if (answer.response.ok) return answer.data as T;
  const problem = (answer.error ?? {}) as Partial<Schemas["Problem"]>;
  const fields = Object.fromEntries(
    (problem.errors ?? []).map((error) => [error.field, error.message]),
  );
  throw new ApiProblem(
    answer.response.status,
    problem.title ?? texts.couldNot,
    fields,
    problem.second_factor,
  );
}

/** For a mutation that may be carried out twice: where the line broke, nobody knows whether it was carried out once. */
export const REPEATABLE = {
  retry: (failures: number, error: unknown) =>
    error instanceof ApiProblem && error.status === 0 && failures < 3,
};

export function fieldsOf(error: unknown): Record<string, string> {
  return error instanceof ApiProblem ? error.fields : {};
}

/** As one sentence; of several fields that are wrong, the first. */
export function messageOf(error: unknown): string {
  const [first] = Object.values(fieldsOf(error));
  return first ?? (error instanceof Error ? error.message : texts.unexpected);
}

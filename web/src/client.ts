/** The HTTP client: typed by the OpenAPI document, failures as one kind of error. */
import createClient from "openapi-fetch";
import type { components, paths } from "./api/schema";

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
    throw new ApiProblem(0, "Waxseal does not answer. Check your connection; this page tries again by itself.");
  }
  if (answer.response.ok) return answer.data as T;
  const problem = (answer.error ?? {}) as Partial<Schemas["Problem"]>;
  const fields = Object.fromEntries((problem.errors ?? []).map((error) => [error.field, error.message]));
  throw new ApiProblem(answer.response.status, problem.title ?? "Waxseal could not do this.", fields, problem.second_factor);
}

export function fieldsOf(error: unknown): Record<string, string> {
  return error instanceof ApiProblem ? error.fields : {};
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "Something unexpected happened. Reload the page.";
}

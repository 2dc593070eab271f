/** What the page knows of the server. */
import {
  type InvalidateOptions,
  type InvalidateQueryFilters,
  QueryClient,
  type QueryKey,
} from "@tanstack/react-query";
import { ApiProblem } from "./client";

/**
 * A first answer that was on its way when its subject changed may be older than the change, and the library takes it
 * for new. Here it is asked for once more when it has come.
 */
class TruthfulClient extends QueryClient {
  override invalidateQueries<Key extends QueryKey = QueryKey>(
    filters?: InvalidateQueryFilters<Key>,
    options?: InvalidateOptions,
  ): Promise<void> {
    const underway = this.getQueryCache()
      .findAll({ ...filters, fetchStatus: "fetching" })
      // The others are cancelled and begun anew by the library itself.
      .filter((query) => query.state.data === undefined || !query.isActive());
    for (const query of underway)
      void query.fetch().then(
        () => super.invalidateQueries({ queryKey: query.queryKey, exact: true }),
        () => undefined,
      );
    return super.invalidateQueries(filters, options);
  }
}

export const queryClient = new TruthfulClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      // What the server refuses stays refused; a connection may come back.
      retry: (count, error) =>
        count < 3 && !(error instanceof ApiProblem && error.status >= 400 && error.status < 500),
    },
  },
});

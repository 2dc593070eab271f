/** `/p/{external id}/communication`: where a CRM links to. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, Navigate } from "@tanstack/react-router";
import { EmptyState, ErrorState } from "../../components/states";
import { ApiProblem, api, unwrap } from "../../client";
import { deepLinkRoute } from "../../router";
import { texts } from "../../texts";

export function DeepLink() {
  const { externalId } = deepLinkRoute.useParams();
  const found = useQuery({
    queryKey: ["party-of", externalId],
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/parties/by-external-id/{external_id}", {
          params: { path: { external_id: externalId } },
        }),
      ),
  });
  if (found.data)
    return (
      <Navigate
        to="/party/$id"
        params={{ id: found.data.id }}
        search={{ tab: "communication" }}
        replace
      />
    );
  if (found.error instanceof ApiProblem && found.error.status === 404) {
    return (
      <EmptyState title={texts.partyGone} hint={texts.noSuchExternalId({ id: externalId })}>
        <Link to="/customers">
          <Button component="span" variant="default">
            {texts.customers}
          </Button>
        </Link>
      </EmptyState>
    );
  }
  return found.isError ? (
    <ErrorState error={found.error} retry={() => void found.refetch()} />
  ) : null;
}

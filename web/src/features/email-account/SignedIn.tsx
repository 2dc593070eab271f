/** Where a provider sends the browser back to. The cookie of the session stays behind on the way here, so the page asks. */
import { Button, Loader } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, Navigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { EmptyState } from "../../components/states";
import { api, messageOf, unwrap } from "../../client";
import { texts } from "../../texts";

type Returned = { state: string; code: string | null; error: string | null; iss: string | null };

/** What stands in the address, which then holds it no longer. */
function takeReturned(): Returned {
  const query = new URLSearchParams(window.location.search);
  window.history.replaceState(null, "", window.location.pathname);
  return {
    state: query.get("state") ?? "",
    code: query.get("code"),
    error: query.get("error"),
    iss: query.get("iss"),
  };
}

export function SignedIn() {
  const queries = useQueryClient();
  const [returned] = useState(takeReturned);
  const finish = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/sign-in-returned", { body: returned })),
    onSuccess: () =>
      Promise.all(
        ["accounts", "status", "alarms", "outbox"].map((key) =>
          queries.invalidateQueries({ queryKey: [key] }),
        ),
      ),
  });
  const { mutate, isIdle } = finish;
  useEffect(() => {
    if (isIdle) mutate();
  }, [isIdle, mutate]);
  if (finish.isSuccess) return <Navigate to="/profile/email-account" replace />;
  if (finish.isError) {
    return (
      <EmptyState title={texts.notSignedIn} hint={messageOf(finish.error)}>
        <Link to="/profile/email-account">
          <Button component="span" variant="default">
            {texts.emailAccount}
          </Button>
        </Link>
      </EmptyState>
    );
  }
  return (
    <div className="center">
      <Loader size="sm" aria-label={texts.loading} />
    </div>
  );
}

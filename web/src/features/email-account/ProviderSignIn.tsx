/** Signing in at the provider in place of a password: the buttons, and as whom somebody is signed in. */
import { Button, Group } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Field } from "../../components/Field";
import { Time } from "../../components/time";
import { api, messageOf, type Schemas, unwrap } from "../../client";
import { texts } from "../../texts";
import look from "../../design/look.module.css";

export function ProviderSignIn({ account }: { account: Schemas["AccountView"] }) {
  const queries = useQueryClient();
  const params = { params: { path: { id: account.id } } };
  const providers = useQuery({
    queryKey: ["sign-in-providers"],
    queryFn: () => unwrap(api.GET("/api/v1/sign-in-providers")),
  });
  const status = useQuery({
    enabled: !account.sealed,
    queryKey: ["status", account.id],
    queryFn: () => unwrap(api.GET("/api/v1/accounts/{id}/status", params)),
  });
  const begin = useMutation({
    mutationFn: (provider_id: string) =>
      unwrap(api.POST("/api/v1/accounts/{id}/sign-in", { ...params, body: { provider_id } })),
    onSuccess: ({ url }) => window.location.assign(url),
  });
  const end = useMutation({
    mutationFn: () => unwrap(api.DELETE("/api/v1/accounts/{id}/sign-in", params)),
    onSuccess: () =>
      Promise.all(
        [["accounts"], ["status", account.id], ["alarms"]].map((queryKey) =>
          queries.invalidateQueries({ queryKey }),
        ),
      ),
  });
  const failed = begin.error ?? end.error;
  const wrong = failed ? messageOf(failed) : undefined;
  const signedIn = status.data?.signed_in;
  return (
    <Field
      label={texts.signInWith}
      wrong={wrong}
      hint={
        providers.data?.length === 0
          ? texts.noProviders
          : signedIn
            ? undefined
            : account.sealed
              ? texts.signInUnseals
              : texts.signInWithHint
      }
    >
      {signedIn && <SignedInAs signedIn={signedIn} />}
      <Group gap={8} mt={signedIn ? 8 : 0}>
        {providers.data?.map((provider) => (
          <Button
            key={provider.id}
            variant={
              signedIn?.over_because && signedIn.provider_id === provider.id ? "filled" : "default"
            }
            loading={begin.isPending && begin.variables === provider.id}
            onClick={() => begin.mutate(provider.id)}
          >
            {signedIn?.provider_id === provider.id
              ? texts.signInAgain({ name: provider.name })
              : provider.name}
          </Button>
        ))}
        {signedIn && (
          <Button variant="default" loading={end.isPending} onClick={() => end.mutate()}>
            {texts.disconnect}
          </Button>
        )}
      </Group>
    </Field>
  );
}

function SignedInAs({ signedIn }: { signedIn: Schemas["SignedInView"] }) {
  if (signedIn.over_because)
    return (
      <div className="notice" role="alert">
        {texts.signInOver({ name: signedIn.name })} {signedIn.over_because}
      </div>
    );
  return (
    <div className={look.besideLabel}>
      {texts.signedInAs({ name: signedIn.name, address: signedIn.signed_in_as })} {texts.tokenUntil}{" "}
      <Time at={signedIn.expires_at} long />.
    </div>
  );
}

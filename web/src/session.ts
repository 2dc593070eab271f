import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ApiProblem, api, unwrap } from "./client";
import { writeAs } from "./formats";
import { follow } from "./language";
import { leave, saveAll } from "./features/composer/leaving";

export function useSession() {
  return useQuery({
    queryKey: ["session"],
    queryFn: getSession,
    staleTime: 60_000,
  });
}

/** Whoever it is reads in the language and the zone of the profile. */
async function getSession() {
  const me = await unwrap(api.GET("/api/v1/session"));
  writeAs(me);
  follow(me.language);
  return me;
}

export function useSignOut() {
  const queries = useQueryClient();
  const user = useSession().data?.id;
  const signOut = async () => {
    const isAllSaved = user ? await saveAll(user).catch(() => false) : true;
    try {
      await unwrap(api.DELETE("/api/v1/session"));
    } catch (error) {
      if (await isSignedIn()) throw error;
    }
    await leave(isAllSaved);
  };
  return useMutation({ mutationFn: signOut, onSettled: () => queries.resetQueries() });
}

/** The answer to signing out may have been lost. */
async function isSignedIn(): Promise<boolean> {
  try {
    await unwrap(api.GET("/api/v1/session"));
    return true;
  } catch (error) {
    return !(error instanceof ApiProblem && error.status === 401);
  }
}

export function useAccounts() {
  return useQuery({ queryKey: ["accounts"], queryFn: () => unwrap(api.GET("/api/v1/accounts")) });
}

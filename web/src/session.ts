import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "./client";

export function useSession() {
  return useQuery({ queryKey: ["session"], queryFn: () => unwrap(api.GET("/api/v1/session")), staleTime: 60_000 });
}

export function useSignOut() {
  const queries = useQueryClient();
  return useMutation({ mutationFn: () => unwrap(api.DELETE("/api/v1/session")), onSettled: () => queries.resetQueries() });
}

export function useAccounts() {
  return useQuery({ queryKey: ["accounts"], queryFn: () => unwrap(api.GET("/api/v1/accounts")) });
}

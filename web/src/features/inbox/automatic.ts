/** About a message of ours: whoever stands in its From did not write it, so nobody is looked for. */
export const isReport = (kind: string | null | undefined) =>
  kind === "report" || kind === "complaint";

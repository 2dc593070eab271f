/** What Test connection did, step by step, and where it stopped. */
import { Loader } from "@mantine/core";
import { IconCheck, IconX } from "@tabler/icons-react";
import type { Schemas } from "../../client";
import { Chain } from "./Certificate";

export function Result({ pending, result, error, onPin }: { pending: boolean; result?: Schemas["TestResult"]; error?: string; onPin?: (fingerprint: string) => void }) {
  if (pending) return <ul className="steps"><li><Loader size={15} /> Connecting. A server that does not answer takes up to 15 seconds.</li></ul>;
  if (!result) return <ul className="steps"><li><Cross /><div role="alert">{error}</div></li></ul>;
  const failure = result.failure;
  return (
    <ul className="steps" aria-live="polite">
      {result.steps.map((step) => (
        <li key={step.text}><IconCheck size={16} stroke={2} color="var(--green)" style={{ flex: "none" }} aria-label="Done" />{step.text}<span className="took figures">{step.took_ms} ms</span></li>
      ))}
      {failure && (
        <li><Cross /><div role="alert"><strong>{failure.message}</strong>
          {failure.said && <div>The server said: {failure.said}</div>}
          <div>{failure.advice}</div><Chain certificates={failure.certificates} onPin={onPin} /></div></li>
      )}
    </ul>
  );
}

function Cross() {
  return <IconX size={16} stroke={2} color="var(--wax)" style={{ flex: "none", marginTop: 2 }} aria-label="Stopped here" />;
}

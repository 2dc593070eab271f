/** What Test connection did, step by step, and where it stopped. */
import { Loader } from "@mantine/core";
import { IconCheck, IconX } from "@tabler/icons-react";
import { Field } from "../../components/Field";
import type { Schemas } from "../../client";
import { Chain } from "./Certificate";
import { texts } from "../../texts";
import look from "../../design/look.module.css";
import styles from "./Result.module.css";

/** Nothing before the first test, nor where a field says what was wrong; `error`: what none says. */
export function TestResult({
  test,
  error,
  onPin,
}: {
  test: { data?: Schemas["TestResult"]; isPending: boolean };
  error?: string;
  onPin: (fingerprint: string) => void;
}) {
  if (!test.data && !test.isPending && !error) return null;
  return (
    <Field label={texts.result}>
      <Result pending={test.isPending} result={test.data} error={error} onPin={onPin} />
    </Field>
  );
}

function Result({
  pending,
  result,
  error,
  onPin,
}: {
  pending: boolean;
  result?: Schemas["TestResult"];
  error?: string;
  onPin?: (fingerprint: string) => void;
}) {
  if (pending)
    return (
      <ul className="steps">
        <li>
          <Loader size={15} /> {texts.connectingHint}
        </li>
      </ul>
    );
  if (!result)
    return (
      <ul className="steps">
        <li>
          <Cross />
          <div role="alert">{error}</div>
        </li>
      </ul>
    );
  const failure = result.failure;
  return (
    <ul className="steps" aria-live="polite">
      {result.steps.map((step) => (
        <li key={step.text}>
          <IconCheck
            size={16}
            stroke={2}
            color="var(--green)"
            className={look.still}
            aria-label={texts.done}
          />
          {step.text}
          <span className="took figures">{texts.tookMs({ count: step.took_ms })}</span>
        </li>
      ))}
      {failure && (
        <li>
          <Cross />
          <div role="alert">
            <strong>{failure.message}</strong>
            {failure.said && (
              <div>
                {texts.theServerSaid} {failure.said}
              </div>
            )}
            <div>{failure.advice}</div>
            <Chain certificates={failure.certificates} onPin={onPin} />
          </div>
        </li>
      )}
    </ul>
  );
}

function Cross() {
  return (
    <IconX
      size={16}
      stroke={2}
      color="var(--wax)"
      className={styles.cross}
      aria-label={texts.stoppedHere}
    />
  );
}

/** Which certificates a server may show: what the authorities vouch for, or one alone. */
import { Button } from "@mantine/core";
import { IconPin } from "@tabler/icons-react";
import { Field } from "../../components/Field";
import { dayAt } from "../../components/time";
import type { Schemas } from "../../client";
import { texts } from "../../texts";

export function CertificateField({
  pinned,
  onUnpin,
}: {
  pinned?: string | null;
  onUnpin: () => void;
}) {
  return (
    <Field label={texts.certificate} hint={pinned ? texts.pinnedHint : texts.checkedHint}>
      {pinned ? (
        <div className="pinned">
          <IconPin size={17} stroke={1.6} aria-hidden />
          <Fingerprint text={pinned} />
          <Button size="compact-sm" variant="default" onClick={onUnpin}>
            {texts.unpin}
          </Button>
        </div>
      ) : (
        <div className="plain-value">{texts.checked}</div>
      )}
    </Field>
  );
}

/** What the server showed, its own certificate first. */
export function Chain({
  certificates,
  onPin,
}: {
  certificates: Schemas["CertificateView"][];
  onPin?: (fingerprint: string) => void;
}) {
  const own = certificates[0];
  if (!own) return null;
  return (
    <div className="chain">
      {certificates.map((certificate, index) => (
        <dl key={certificate.fingerprint}>
          <dt>{index === 0 ? texts.shownCertificate : texts.issuedBy}</dt>
          <dd>
            {certificate.names.join(", ") || certificate.subject}, {texts.validUntil}{" "}
            {dayAt(certificate.valid_until)}
          </dd>
          <dt>SHA-256</dt>
          <dd>
            <Fingerprint text={certificate.fingerprint} />
          </dd>
        </dl>
      ))}
      {onPin && (
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconPin size={15} stroke={1.6} />}
          onClick={() => onPin(own.fingerprint)}
        >
          {texts.pin}
        </Button>
      )}
    </div>
  );
}

function Fingerprint({ text }: { text: string }) {
  return <code className="fingerprint">{text}</code>;
}

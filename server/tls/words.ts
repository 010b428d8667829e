import { messageOf } from "../../base/mod.ts";

/** What the platform's words for failed handshakes mean, at the end that calls. */
const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [
    /UnknownIssuer|BadSignature|CaUsedAsEndEntity/,
    "its certificate is not signed by an authority that this node trusts; compare tls_ca of the two",
  ],
  [
    /certificate expired|: Expired/,
    "its certificate has expired; renew it there",
  ],
  [
    /not valid yet|NotValidYet/,
    "its certificate is not valid yet; compare the clocks of the two",
  ],
  [
    /not valid for name|NotValidForName/,
    "its certificate is for another name; issue one for the address that it is reached by",
  ],
  [
    /extended key usage|InvalidPurpose/,
    "its certificate may not be used by a server",
  ],
  [/invalid peer certificate/, "its certificate is not accepted"],
  [
    /fatal alert: (CertificateRequired|UnknownCA|BadCertificate|CertificateExpired|CertificateUnknown|AccessDenied|DecryptError|UnsupportedCertificate|CertificateRevoked)/,
    "it does not accept this node's certificate; compare tls_ca of the two",
  ],
  [
    /close_notify|HandshakeFailure|ProtocolVersion/,
    "it ended the TLS handshake; if it does so again, compare tls_ca of the two",
  ],
  [
    /InvalidContentType|corrupt message|InvalidMessage/,
    "it does not speak TLS; set tls_cert, tls_key and tls_ca there, or tls_optional here until it does",
  ],
];

/**
 * Says what an error means where it is about certificates.
 *
 * @param error What `fetch` or a connection threw.
 * @returns What it means; null where it is about something else.
 */
export function whyUntrusted(error: unknown): string | null {
  let text = "";
  for (let at = error; at instanceof Error; at = at.cause) {
    text += ` ${messageOf(at)}`;
  }
  const found = MEANINGS.find(([pattern]) => pattern.test(text));
  return found ? found[1] : null;
}

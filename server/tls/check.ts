import { createPrivateKey, type X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import {
  certificatesIn,
  TlsError,
  type TlsFiles,
  type TlsMaterial,
} from "./files.ts";

/** By what name others reach a node, and which setting says so. */
export interface TlsName {
  readonly host: string;
  readonly setting: string;
}

/** What a certificate is for. */
export interface TlsUse {
  readonly name: TlsName;
  /** Whether the node also shows it when it calls others. */
  readonly isCaller: boolean;
}

/** Object identifiers as they stand in a certificate's bytes: Deno does not read this extension. */
const PURPOSES_EXTENSION = "0603551d25";
const SERVER_PURPOSE = "06082b06010505070301";
const CLIENT_PURPOSE = "06082b06010505070302";
/** Chains are two or three long. */
const MAX_CHAIN = 10;

/**
 * Checks that others will accept a certificate, as they would find out: so that it is told before
 * anything starts.
 *
 * @param files Where it stands.
 * @param material What the files hold.
 * @param use What it is for.
 * @param now The date.
 * @returns The certificate.
 * @throws {TlsError} When they will not, with the way out.
 */
export function checkTls(
  files: TlsFiles,
  material: TlsMaterial,
  { name, isCaller }: TlsUse,
  now: Date,
): X509Certificate {
  const chain = certificatesIn(material.cert);
  const [own] = chain;
  if (!own) throw new TlsError(`${files.section}.tls_cert: there is none`);
  checkKey(files, own, material.key);
  checkDates(files, own, now);
  if (material.ca !== null) {
    checkChain(files, own, chain, certificatesIn(material.ca), now);
  }
  checkName(files, own, name);
  checkPurpose(files, own, isCaller);
  return own;
}

/**
 * Says whom a certificate is for, on one line.
 *
 * @param certificate The certificate.
 */
export function subjectOf({ subject }: X509Certificate): string {
  return subject.replaceAll("\n", ", ") || "no subject";
}

function day(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

function checkKey(
  { section, cert, key }: TlsFiles,
  own: X509Certificate,
  pem: string,
): void {
  if (own.checkPrivateKey(createPrivateKey(pem))) return;
  throw new TlsError(
    `${section}.tls_key: the key in ${key} is not that of the first certificate in ${cert}; name the two that were made together`,
  );
}

function checkDates(
  { section, cert }: TlsFiles,
  own: X509Certificate,
  now: Date,
): void {
  const what = `${section}.tls_cert: the certificate of ${
    subjectOf(own)
  } in ${cert}`;
  const ends = new Date(own.validTo);
  if (ends <= now) {
    throw new TlsError(
      `${what} expired on ${day(ends)}; put a renewed one in its place`,
    );
  }
  const begins = new Date(own.validFrom);
  if (begins <= now) return;
  throw new TlsError(
    `${what} is not valid before ${
      day(begins)
    }; correct the clock of this machine, or issue one anew`,
  );
}

function isIssuedBy(one: X509Certificate, issuer: X509Certificate): boolean {
  return one.checkIssued(issuer) && one.verify(issuer.publicKey);
}

/** From the node's own certificate through those beside it to an authority. */
function checkChain(
  { section, cert, ca }: TlsFiles,
  own: X509Certificate,
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  now: Date,
): void {
  let last = own;
  for (let length = 0; length < MAX_CHAIN; length++) {
    const authority = authorities.find((one) => isIssuedBy(last, one));
    if (authority) return checkAuthority(section, ca, authority, now);
    const next = chain.find((one) => one !== last && isIssuedBy(last, one));
    if (!next) break;
    last = next;
  }
  const issuer = last.issuer.replaceAll("\n", ", ");
  throw new TlsError(
    `${section}.tls_cert: the certificate of ${
      subjectOf(own)
    } in ${cert} is foreign: ${issuer}, who signed it, is not in ${ca}, which holds ${
      authorities.map(subjectOf).join(" and ")
    }; use one that an authority there has signed, or add what is missing to one of the files`,
  );
}

function checkAuthority(
  section: string,
  path: string | null,
  authority: X509Certificate,
  now: Date,
): void {
  const ends = new Date(authority.validTo);
  if (ends > now) return;
  throw new TlsError(
    `${section}.tls_ca: the authority ${
      subjectOf(authority)
    } in ${path} expired on ${
      day(ends)
    }; add its successor, and issue the certificates anew`,
  );
}

function checkName(
  { section, cert }: TlsFiles,
  own: X509Certificate,
  { host, setting }: TlsName,
): void {
  const isIp = isIP(host) !== 0;
  const isNamed = isIp
    ? own.checkIP(host) !== undefined
    // Clients look at the alternative names only.
    : own.checkHost(host, { subject: "never" }) !== undefined;
  if (isNamed) return;
  const names = own.subjectAltName ?? "";
  const whom = names === ""
    ? "names nobody among its subject alternative names"
    : `is for ${names.replaceAll("IP Address:", "IP:")}`;
  throw new TlsError(
    `${section}.tls_cert: the certificate in ${cert} ${whom}, and others reach this node as ${host} (${setting}); issue one for ${
      isIp ? "IP" : "DNS"
    }:${host}, or correct ${setting}`,
  );
}

function checkPurpose(
  { section, cert }: TlsFiles,
  own: X509Certificate,
  isCaller: boolean,
): void {
  const bytes = own.raw.toString("hex");
  if (!bytes.includes(PURPOSES_EXTENSION)) return;
  const missing = [
    ...bytes.includes(SERVER_PURPOSE) ? [] : ["serverAuth"],
    ...isCaller && !bytes.includes(CLIENT_PURPOSE) ? ["clientAuth"] : [],
  ];
  if (missing.length === 0) return;
  throw new TlsError(
    `${section}.tls_cert: the certificate in ${cert} may not be used for ${
      missing.join(" and ")
    }; issue one whose extendedKeyUsage allows it, or that has none`,
  );
}

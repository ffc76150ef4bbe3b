/** The PKCS#10 request itself (RFC 2986): may ask for one name and nothing else, and its sender holds the key. */
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  ExtensionsAttribute,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
} from "@peculiar/x509";
import type { webcrypto } from "node:crypto";

/** A P-256 request with a SAN of 253 bytes has less than 700. */
export const MOST_REQUEST_BYTES = 4_096;

const PEM = /^\s*-----BEGIN CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE REQUEST-----\s*$/;
const COMMON_NAME = "2.5.4.3";

/** Extensions that may stand in a request, by their identifier, and what they may say. */
const EXTENSIONS: Readonly<Record<string, (extension: Extension, name: string) => string | undefined>> = {
  "2.5.29.17": (extension, name) => {
    const names = new SubjectAlternativeNameExtension(extension.rawData).names.items;
    const [first] = names;
    if (names.length === 1 && first?.type === "dns" && first.value === name) return undefined;
    const shown = names.slice(0, 3).map(({ type, value }) => `${type}:${value}`.slice(0, 300));
    return `its names are ${JSON.stringify(shown)}${names.length > 3 ? ` and ${names.length - 3} more` : ""}; expected dns:${name} alone`;
  },
  "2.5.29.19": (extension) =>
    new BasicConstraintsExtension(extension.rawData).ca ? "it asks for a CA (basicConstraints CA:true)" : undefined,
  "2.5.29.15": (extension) =>
    new KeyUsagesExtension(extension.rawData).usages === KeyUsageFlags.digitalSignature
      ? undefined
      : "its keyUsage is not digitalSignature alone",
  "2.5.29.37": (extension) =>
    new ExtendedKeyUsageExtension(extension.rawData).usages.every(
      (usage) => usage === ExtendedKeyUsage.serverAuth || usage === ExtendedKeyUsage.clientAuth,
    )
      ? undefined
      : "its extendedKeyUsage names more than serverAuth and clientAuth",
};

export type RequestContent = { readonly publicKey: webcrypto.CryptoKey } | { readonly problem: string };

/**
 * @param request base64 of PEM, as `spec.request` has it
 * @param name the only name that may be asked for
 */
export async function readRequestContent(request: string, name: string): Promise<RequestContent> {
  if (request.length > MOST_REQUEST_BYTES * 2)
    return {
      problem: `the request has ${request.length} characters; ${MOST_REQUEST_BYTES * 2} are the most that is read`,
    };
  const body = PEM.exec(Buffer.from(request, "base64").toString("latin1"))?.[1];
  if (body === undefined) return { problem: "the request is not one PEM block CERTIFICATE REQUEST" };
  try {
    return await judge(new Pkcs10CertificateRequest(Buffer.from(body, "base64")), name);
  } catch (error) {
    return { problem: `the request cannot be read: ${String(error).slice(0, 200)}` };
  }
}

async function judge(request: Pkcs10CertificateRequest, name: string): Promise<RequestContent> {
  const { algorithm } = request.publicKey;
  if (algorithm.name !== "ECDSA" || (algorithm as { readonly namedCurve?: string }).namedCurve !== "P-256")
    return { problem: "its key is of another kind; expected ECDSA P-256" };
  const problem = subjectProblem(request, name) ?? extensionProblem(request, name);
  if (problem !== undefined) return { problem };
  if (!(await request.verify())) return { problem: "its signature is not by the key that it names" };
  // Through OpenSSL and back: a point off the curve stops here.
  return { publicKey: await request.publicKey.export({ name: "ECDSA", namedCurve: "P-256" }, ["verify"]) };
}

function subjectProblem({ subjectName }: Pkcs10CertificateRequest, name: string): string | undefined {
  const parts = subjectName.toJSON().flatMap((part) => Object.entries(part));
  const common = subjectName.getField(COMMON_NAME);
  if (parts.length === 0) return undefined;
  return parts.length === 1 && common.length === 1 && common[0] === name
    ? undefined
    : `its subject is '${subjectName.toString().slice(0, 300)}'; expected none, or CN=${name}`;
}

function extensionProblem({ attributes }: Pkcs10CertificateRequest, name: string): string | undefined {
  const [attribute, ...others] = attributes;
  if (!(attribute instanceof ExtensionsAttribute) || others.length > 0)
    return `its attributes are ${JSON.stringify(attributes.slice(0, 5).map(({ type }) => type))}; expected the requested extensions alone`;
  const seen = new Set<string>();
  for (const extension of attribute.items) {
    const judgeExtension = Object.hasOwn(EXTENSIONS, extension.type) ? EXTENSIONS[extension.type] : undefined;
    if (judgeExtension === undefined) return `it asks for the extension ${extension.type}, which is not granted`;
    if (seen.has(extension.type)) return `it asks for the extension ${extension.type} twice`;
    seen.add(extension.type);
    const problem = judgeExtension(extension, name);
    if (problem !== undefined) return problem;
  }
  return seen.has("2.5.29.17") ? undefined : `it names nobody; expected the subjectAltName dns:${name}`;
}

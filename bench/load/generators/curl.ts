/** curl: one large body, one way, over mutual TLS. */
import { run } from "../processes/pinned-process.ts";
import { locate } from "../processes/tools.ts";
import type { CallerCertificate } from "./generated-load.ts";

export interface BodyRun {
  readonly bytes: number;
  /** From the request's first byte to the response's last: the handshake is not in it. */
  readonly seconds: number;
  readonly generatorCpuUs: number;
}

const FORMAT = "%{http_code} %{size_download} %{size_upload} %{time_pretransfer} %{time_total}";
const TIMEOUT_SECONDS = 60;

/** @throws when the status is not 2xx */
export function parseCurl(output: string, way: "down" | "up"): Omit<BodyRun, "generatorCpuUs"> {
  const [status = 0, down = 0, up = 0, begun = 0, ended = 0] = output.trim().split(" ").map(Number);
  if (!(status >= 200 && status <= 299)) throw new Error(`a body's transfer ended with status ${status}`);
  return { bytes: way === "down" ? down : up, seconds: ended - begun };
}

/** @param upload the file to send; a download without */
export async function curl(url: string, certificate: CallerCertificate, upload?: string): Promise<BodyRun> {
  const args = [
    "--silent",
    "--show-error",
    "--insecure",
    "--http1.1",
    "--output",
    "/dev/null",
    "--write-out",
    FORMAT,
    "--cert",
    certificate.clientCert,
    "--key",
    certificate.clientKey,
    ...(upload === undefined ? [] : ["--upload-file", upload, "--header", "Expect:"]),
    url,
  ];
  const { output, cpuUs } = await run(locate("curl"), args, TIMEOUT_SECONDS);
  return { ...parseCurl(output, upload === undefined ? "down" : "up"), generatorCpuUs: cpuUs };
}

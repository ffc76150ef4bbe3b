/** One call of FetchX509SVID: messages as they come, and one end with its reason. */
import { Client, credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { fromJSON, type MethodDefinition, type ServiceDefinition } from "@grpc/proto-loader";
import { CredentialsError } from "../credentials-error.ts";
import { WORKLOAD_API, type X509SvidResponse } from "./workload-proto.ts";

const OPTIONS = { keepCase: true, defaults: true };
const { SpiffeWorkloadAPI: service } = fromJSON(WORKLOAD_API, OPTIONS);
const fetchSvid = (service as ServiceDefinition)["FetchX509SVID"] as MethodDefinition<object, object>;

export interface WorkloadStreamEvents {
  readonly onResponse: (response: X509SvidResponse) => void;
  /** Called once, unless the stream was closed from here. */
  readonly onEnd: (reason: CredentialsError) => void;
}

export interface WorkloadStream {
  /** Nothing is told afterwards. */
  close(): void;
}

/** @param socket absolute path */
export function openWorkloadStream(socket: string, { onResponse, onEnd }: WorkloadStreamEvents): WorkloadStream {
  // A connection of its own for each call: what keeps connections for later waits longer and longer between its attempts.
  const client = new Client(`unix:${socket}`, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_retries": 0,
    "grpc.service_config_disable_resolution": 1,
  });
  // Without it the server must refuse (SPIFFE Workload Endpoint section 3).
  const metadata = new Metadata();
  metadata.set("workload.spiffe.io", "true");
  const { path, requestSerialize, responseDeserialize } = fetchSvid;
  const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {}, metadata);
  let over = false;
  const end = (reason: string): void => {
    if (over) return;
    close();
    onEnd(new CredentialsError(`unix:${socket}: ${reason}`));
  };
  const close = (): void => {
    over = true;
    call.cancel();
    client.close();
  };
  call.on("data", (response: X509SvidResponse) => {
    if (!over) onResponse(response);
  });
  call.on("error", ({ code, details }: ServiceError) => end(`${status[code] ?? "UNKNOWN"}: ${details}`));
  call.on("end", () => end("the stream was ended by the server"));
  return { close };
}

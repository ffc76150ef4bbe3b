/** An `http` forwarder on a port of its own, behind a verdict that lets everybody in, before an application that records. */
import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { DEFAULT_LIMITS, type Limits } from "../../../../src/config/config.ts";
import { backendPort } from "../../../../src/policy/model.ts";
import { peerAddress } from "../../../../src/policy/address/peer-address.ts";
import { AcceptedConnection } from "../../../../src/proxy/connection/accepted-connection.ts";
import { HttpForwarder } from "../../../../src/proxy/http/http-forwarder.ts";
import type { RequestFacts } from "../../../../src/telemetry/records.ts";
import { Recorder } from "../../../support/application/recorder.ts";

export class ForwarderRig implements AsyncDisposable {
  readonly recorder: Recorder;
  readonly records: RequestFacts[] = [];
  readonly connections: AcceptedConnection[] = [];
  readonly #server: Server;
  readonly #forwarder: HttpForwarder;

  private constructor(recorder: Recorder, limits: Partial<Limits>, withoutDirect: boolean) {
    this.recorder = recorder;
    const backend = {
      port: backendPort(80),
      listen: { host: "127.0.0.1", port: 0 },
      app: { host: "127.0.0.1", port: recorder.port },
    };
    this.#forwarder = new HttpForwarder({
      backend,
      upstreamHttp2: false,
      limits: { ...DEFAULT_LIMITS, ...limits },
      sink: {
        exchange: (record) => this.records.push(record),
        forbidden: (record) => this.records.push(record),
      },
      newSpan: undefined,
      withoutDirect,
    });
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const address = peerAddress(socket.remoteAddress);
      const connection = new AcceptedConnection(String(this.connections.length), backend, socket, address);
      socket.on("error", (error) => connection.failed(error));
      this.connections.push(connection);
      connection.admit("http", this.#forwarder, [], { verdict: "forward", policy: "test/ib", source: "everybody" });
      this.#forwarder.serve(connection);
    });
  }

  static async start(limits: Partial<Limits>, withoutDirect: boolean): Promise<ForwarderRig> {
    const rig = new ForwarderRig(await Recorder.start(), limits, withoutDirect);
    rig.#server.listen(0, "127.0.0.1");
    await once(rig.#server, "listening");
    return rig;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const connection of this.connections) connection.destroy();
    await this.recorder[Symbol.asyncDispose]();
  }
}

/** A named pipe, as a container's runtime gives a process for its output: its reader may stop, and come back. */
import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class NamedPipe implements Disposable {
  /** For the process that writes; closed by `handedOver`. */
  readonly fd: number;
  readonly reader: Socket;
  readonly #directory: string;

  constructor() {
    this.#directory = mkdtempSync(join(tmpdir(), "postern-pipe-"));
    const path = join(this.#directory, "output");
    execFileSync("mkfifo", [path]);
    // Without a writer, only what does not wait can be opened.
    this.reader = new Socket({ fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK), writable: false });
    this.fd = openSync(path, constants.O_WRONLY);
  }

  /** The process has its own descriptor: the pipe ends with that process. */
  handedOver(): void {
    closeSync(this.fd);
  }

  [Symbol.dispose](): void {
    this.reader.destroy();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

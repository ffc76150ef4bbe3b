import assert from "node:assert/strict";
import { once } from "node:events";
import { Readable } from "node:stream";
import { test } from "node:test";
import { BodySender, type WritableConnection } from "../../../../src/proxy/http/upstream/body-sender.ts";

class Written implements WritableConnection {
  text = "";

  write(data: string | Buffer): boolean {
    this.text += data.toString();
    return true;
  }

  corkTurn(): void {}
}

test("a body that ends between two connections is ended on the second", async () => {
  const body = new Readable({ read: () => undefined });
  const events: string[] = [];
  const sender = new BodySender("HEAD\r\n\r\n", body, undefined, {
    onFailed: (error) => events.push(error.message),
    onSent: () => events.push("sent"),
    onFault: (fault) => events.push(fault.message),
  });
  // Told before the sender is: the connection is lost in this very moment.
  body.once("end", () => sender.detach());
  const [first, second] = [new Written(), new Written()];
  sender.sendOn(first);
  body.push(null);
  await once(body, "close");
  assert.deepEqual([first.text, events], ["", []]);
  sender.sendOn(second);
  assert.equal(second.text, "HEAD\r\n\r\n0\r\n\r\n");
  assert.deepEqual(events, ["sent"]);
});

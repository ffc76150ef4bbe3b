/** What each generator prints, and what is made of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAutocannon } from "../../../../bench/load/generators/autocannon.ts";
import { parseCurl } from "../../../../bench/load/generators/curl.ts";
import { parseH2load } from "../../../../bench/load/generators/h2load.ts";
import { parseOha } from "../../../../bench/load/generators/oha.ts";
import { parseWrk } from "../../../../bench/load/generators/wrk.ts";

const WRK = `Running 5s test @ https://127.0.0.1:4000/
  1 threads and 32 connections
  31157 requests in 5.01s, 5.23MB read
Requests/sec:   6218.96
Transfer/sec:      5.22MB
`;

test("parseWrk() gives requests and the time that they took", () => {
  assert.deepEqual(parseWrk(WRK), { requests: 31_157, faults: 0, seconds: 5.01 });
});

test("parseWrk() counts refusals and broken connections as faults", () => {
  const errors = "  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 157\n";
  const output = WRK.replace("Requests/sec", `${errors}Requests/sec`);
  assert.deepEqual(parseWrk(output), { requests: 31_000, faults: 167, seconds: 5.01 });
});

test("parseWrk() reads times in minutes and milliseconds", () => {
  assert.equal(parseWrk(WRK.replace("5.01s", "1.50m")).seconds, 90);
  assert.equal(parseWrk(WRK.replace("5.01s", "997.00ms")).seconds, 0.997);
});

test("parseWrk() refuses an output that it does not know", () => {
  assert.throws(() => parseWrk("unable to connect to 127.0.0.1:4000 Connection refused"), /number of requests/);
});

const H2LOAD = `Application protocol: h2
finished in 5.01s, 4568.00 req/s, 783.83KB/s
requests: 22840 total, 22872 started, 22840 done, 22840 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 22840 2xx, 0 3xx, 0 4xx, 0 5xx
`;

test("parseH2load() gives requests and the time that they took", () => {
  assert.deepEqual(parseH2load(H2LOAD), { requests: 22_840, faults: 0, seconds: 5.01 });
});

test("parseH2load() counts other statuses and failures as faults", () => {
  const output = H2LOAD.replace("22840 2xx, 0 3xx, 0 4xx, 0 5xx", "22800 2xx, 1 3xx, 9 4xx, 20 5xx").replace(
    "0 failed",
    "10 failed",
  );
  assert.deepEqual(parseH2load(output), { requests: 22_800, faults: 40, seconds: 5.01 });
});

test("parseH2load() refuses a run that fell back to HTTP/1.1", () => {
  assert.throws(() => parseH2load(H2LOAD.replace("protocol: h2", "protocol: http/1.1")), /HTTP\/2 was not spoken/);
});

test("parseAutocannon() adds errors, timeouts and refusals up", () => {
  const output = JSON.stringify({
    duration: 5.02,
    errors: 1,
    timeouts: 2,
    non2xx: 4,
    "2xx": 993,
    latency: { average: 4, p2_5: 1, p50: 3, p99: 17, p99_9: 21, totalCount: 993 },
  });
  assert.deepEqual(parseAutocannon(output), {
    requests: 993,
    faults: 7,
    seconds: 5.02,
    latency: {
      p50: 3,
      p99: 17,
      percentiles: [
        [2.5, 1],
        [50, 3],
        [99, 17],
        [99.9, 21],
      ],
    },
  });
});

const OHA = {
  summary: { total: 5.001 },
  latencyPercentiles: { p50: 0.0005, p99: 0.0025, "p99.9": 0.008 },
  statusCodeDistribution: { "200": 4_990 },
  errorDistribution: { "aborted due to deadline": 7 },
};

test("parseOha() gives latencies in milliseconds and forgives what was in flight at the end", () => {
  assert.deepEqual(parseOha(JSON.stringify(OHA)), {
    requests: 4_990,
    faults: 0,
    seconds: 5.001,
    latency: {
      p50: 0.5,
      p99: 2.5,
      percentiles: [
        [50, 0.5],
        [99, 2.5],
        [99.9, 8],
      ],
    },
  });
});

test("parseOha() counts other statuses and errors as faults", () => {
  const bad = {
    ...OHA,
    latencyPercentiles: { p50: null, p99: null },
    statusCodeDistribution: { "200": 10, "503": 2 },
    errorDistribution: { "connection closed before message completed": 3 },
  };
  assert.deepEqual(parseOha(JSON.stringify(bad)), { requests: 10, faults: 5, seconds: 5.001 });
});

test("parseCurl() leaves the handshake out, and takes the way that was asked for", () => {
  assert.deepEqual(parseCurl("200 268435456 0 0.25 1.25", "down"), { bytes: 268_435_456, seconds: 1 });
  assert.deepEqual(parseCurl("201 0 268435456 0.25 2.25", "up"), { bytes: 268_435_456, seconds: 2 });
});

test("parseCurl() refuses other statuses and no output at all", () => {
  assert.throws(() => parseCurl("403 9 0 0.1 0.2", "down"), /status 403/);
  assert.throws(() => parseCurl("", "down"), /status 0/);
});

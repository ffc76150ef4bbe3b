/** Runs autocannon with the options of its argument until its stdin ends, and writes the result to stdout. */
import autocannon, { type Options } from "autocannon";

/** Longer than any test: the end of stdin ends it, also when the test is killed. */
const LONGEST_S = 600;

const options = JSON.parse(process.argv[2] ?? "{}") as Options;
const instance = autocannon({ ...options, duration: LONGEST_S }, (error: unknown, result: unknown) => {
  if (error !== null && error !== undefined) throw error;
  process.stdout.write(JSON.stringify(result));
});
process.stdin.resume().once("end", () => instance.stop?.());

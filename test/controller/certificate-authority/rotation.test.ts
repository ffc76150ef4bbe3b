import assert from "node:assert/strict";
import { test } from "node:test";
import { renewalTime, rotationStep } from "../../../src/controller/certificate-authority/rotation.ts";

const HOUR = 3_600_000;
const life = { notBefore: 0, notAfter: 300 * HOUR, asked: false };

test("a certificate is renewed at two thirds of its life", () => {
  assert.equal(renewalTime(HOUR, 4 * HOUR), 3 * HOUR);
});

test("a CA is kept until two thirds of its life, or until somebody asks", () => {
  assert.equal(rotationStep(life, HOUR, 199 * HOUR), "keep");
  assert.equal(rotationStep(life, HOUR, 200 * HOUR), "prepare");
  assert.equal(rotationStep({ ...life, asked: true }, HOUR, HOUR), "prepare");
});

test("the next CA signs after the overlap, and not before, though somebody has asked", () => {
  const next = { ...life, asked: true, nextSince: 10 * HOUR };
  assert.equal(rotationStep(next, 24 * HOUR, 33 * HOUR), "keep");
  assert.equal(rotationStep(next, 24 * HOUR, 34 * HOUR), "promote");
});

test("a CA that has ended waits for nothing", () => {
  assert.equal(rotationStep(life, HOUR, 300 * HOUR), "replace");
  assert.equal(rotationStep({ ...life, nextSince: 299.9 * HOUR }, HOUR, 300 * HOUR), "promote");
});

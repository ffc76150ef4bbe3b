/**
 * Every row about an IngressBackend. Not restated here, because they are about other parts of a mesh: rows on the
 * gateway's own certificate (`G`, the mesh issues it), and on redirect rules, injection and probes (`R`).
 */
import { BACKEND_ADMISSION, CONFLICT_ADMISSION } from "./admission-of-backends.ts";
import { SOURCE_ADMISSION } from "./admission-of-sources.ts";
import type { AdmissionCase } from "./admission.ts";
import { CLOSED_DECISIONS } from "./closed-backends.ts";
import type { DecisionCase } from "./decision.ts";
import { HANDSHAKE_DECISIONS } from "./handshakes.ts";
import { PRINCIPAL_DECISIONS } from "./principals.ts";
import { SERVER_NAME_DECISIONS } from "./server-names.ts";
import { OBJECT_DECISIONS } from "./several-objects.ts";
import { RANGE_DECISIONS } from "./source-ranges.ts";
import { SERVICE_DECISIONS } from "./source-services.ts";

export const ADMISSION: readonly AdmissionCase[] = [...BACKEND_ADMISSION, ...SOURCE_ADMISSION, ...CONFLICT_ADMISSION];

export const DECISIONS: readonly DecisionCase[] = [
  ...SERVICE_DECISIONS,
  ...RANGE_DECISIONS,
  ...CLOSED_DECISIONS,
  ...HANDSHAKE_DECISIONS,
  ...SERVER_NAME_DECISIONS,
  ...PRINCIPAL_DECISIONS,
  ...OBJECT_DECISIONS,
];

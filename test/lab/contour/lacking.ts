/** What keeps the suites with Contour from running here: said by run.ts in a line, and by them as the reason of a skip. */
import { cachedBinaries } from "../../cluster/control-plane/build.ts";
import { cachedContour, type Contour } from "./obtain-contour.ts";
import { cachedEnvoy } from "./obtain-envoy.ts";

export interface Programs {
  readonly contour: Contour;
  readonly envoy: string;
}

/** The programs, or why they are not there. */
export async function contourPrograms(): Promise<Programs | string> {
  if ((await cachedBinaries(process.env)) === undefined) return "the control plane is not to be had here";
  const contour = await cachedContour(process.env);
  if (contour === undefined) return "Contour is not to be had here";
  const envoy = await cachedEnvoy(process.env);
  return envoy === undefined ? "Envoy is not to be had here" : { contour, envoy };
}

/** What is in the images that pods name: programs of this machine, under the paths that the images have them. */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import type { Programs } from "../contour/lacking.ts";
import type { Container } from "./pod-object.ts";

/** Where programs stand in a container. */
export const IMAGE = "/image";
const CHECKOUT = realpathSync(join(import.meta.dirname, "../../.."));
const POSTERN = [`${IMAGE}/node`, `${IMAGE}/checkout/src/main.ts`];

export interface Image {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
}

export class Images {
  /** What is mounted where, of this machine. */
  readonly mounts: readonly (readonly [from: string, to: string])[];
  readonly #images: readonly (readonly [RegExp, Image])[];

  /** @param programs what else is here than Postern and the application */
  constructor(programs?: Programs) {
    this.mounts = [
      [realpathSync(process.execPath), `${IMAGE}/node`],
      [CHECKOUT, `${IMAGE}/checkout`],
      ...(programs === undefined
        ? []
        : ([
            [programs.contour.program, `${IMAGE}/contour`],
            [programs.envoy, `${IMAGE}/envoy`],
          ] as const)),
    ];
    this.#images = [
      [/^postern:/, { entrypoint: POSTERN, command: ["run"] }],
      [/^postern-redirect:/, { entrypoint: POSTERN, command: ["redirect", "--help"] }],
      [/\/projectcontour\/contour:/, { entrypoint: [], command: [] }],
      [/\/envoyproxy\/envoy:/, { entrypoint: [], command: [] }],
      // Their pods name the command, which this machine has.
      [/^(?:nginx|haproxy):/, { entrypoint: [], command: [] }],
      [
        /^registry\.example\/foo:/,
        { entrypoint: [`${IMAGE}/node`, `${IMAGE}/checkout/test/lab/application.ts`], command: ["0.0.0.0:80"] },
      ],
    ];
  }

  /** Entry point and arguments as a container runtime puts them together. @throws for an image that is not here */
  commandLine({ image, command, args }: Container): readonly string[] {
    const found = this.#images.find(([pattern]) => pattern.test(image))?.[1];
    if (found === undefined) throw new Error(`the stand-in for the kubelet has no image ${image}`);
    const [program = "", ...rest] = command ?? found.entrypoint;
    const here = this.mounts.find(([, to]) => to === `${IMAGE}/${program.split("/").at(-1) ?? ""}`)?.[1];
    return [here ?? program, ...rest, ...(args ?? (command === undefined ? found.command : []))];
  }
}

/** Labels of everything that a mesh's controller is made of. */
import { INSTANCE_LABEL, type Mesh } from "../names.ts";

export function labelsOf({ name }: Mesh): Readonly<Record<string, string>> {
  return {
    "app.kubernetes.io/name": "postern",
    "app.kubernetes.io/component": "controller",
    [INSTANCE_LABEL]: name,
  };
}

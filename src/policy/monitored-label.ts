/** OSM's label of a namespace that belongs to a mesh; its value is the mesh's name. */
export const MONITORED_LABEL = "openservicemesh.io/monitored-by";

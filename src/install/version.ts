/** Of this Postern, as in package.json: what an installed mesh says of itself. */
export const VERSION = "0.1.0";

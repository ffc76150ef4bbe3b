/** Which Postern this is: that of package.json, which the image does not carry; a test holds the two together. */
export const VERSION = "0.1.0";

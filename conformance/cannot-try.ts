/** Nothing can be tried, for a reason that whoever started the kit can mend: its message is all that they need to see. */
export class CannotTry extends Error {}

/** How far a body was read, as the host's `body_reader.ts` knows it. */

export const DONE: i32 = 0;
/** The table's only element is to be judged by the host. */
export const SLOW_ELEMENT: i32 = 1;
export const SLOW_BODY: i32 = 2;
/** The host is to make sure that the body is UTF-8, and then to resume. */
export const NOT_ASCII: i32 = 3;

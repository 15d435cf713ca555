/** What is kept for the few requests whose sender gives up when it is refused (`uses_reserve`). */

/** Bytes of bodies in memory that are theirs alone, on top of `http.bytes_in_flight_max`, as a part of it. */
export const BODY_RESERVE_FRACTION = 1 / 8;

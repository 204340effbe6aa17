// Who calls, as headers.
import { siriusKey } from "./start.js";

/** A user's session in Sirius. The cookie's token is percent-encoded, the header's is not. */
const session = (user: string) => ({
  Cookie: `sirius=${user}; XSRF-TOKEN=a%2Btoken%3D`,
  "X-XSRF-TOKEN": "a+token=",
});

/** User 3, a Finance User. */
export const officer = session("officer");

/** User 7, a Finance Manager as well. */
export const manager = session("manager");

/** Sirius itself. */
export const sirius = { Authorization: `Bearer ${siriusKey}` };

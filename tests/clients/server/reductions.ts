// A fee reduction that the server refuses, and one that it awards.
import assert from "node:assert/strict";
import type { AddFeeReductionInput } from "../generated/operations.js";

/** No notes, and too long. */
export const refused = (clientId: number): AddFeeReductionInput => ({
  clientId,
  type: "REMISSION",
  startYear: 2023,
  lengthInYears: 4,
  dateReceived: "2024-04-02",
  notes: "",
});

/** Half of the fee of £320 that was raised on 31 March 2024. */
export const awarded = (clientId: number): AddFeeReductionInput => ({
  ...refused(clientId),
  lengthInYears: 1,
  notes: "Low income",
});

/** What every client must be told of it: nothing was changed, and all that is wrong. */
export function assertRefused(payload: {
  feeReduction?: unknown;
  financeClient?: unknown;
  userErrors: readonly { field?: readonly string[] | null; code: string; message: string }[];
}) {
  assert.equal(payload.feeReduction, null);
  assert.equal(payload.financeClient, null);
  assert.deepEqual(
    payload.userErrors.map(({ field, code }) => ({ field, code })),
    [
      { field: ["notes"], code: "REQUIRED" },
      { field: ["lengthInYears"], code: "OUT_OF_RANGE" },
    ],
  );
  for (const { message } of payload.userErrors) assert.match(message, /\w/);
}

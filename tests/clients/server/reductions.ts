// A fee reduction that the server refuses, and one that it awards.
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

// The clients of the books, each with invoices.
import { sirius } from "./callers.mjs";

export const CLIENTS = [1001, 1002, 1003, 1004];
/** A client whose answer is large. */
export const LARGE = 1009;
/** A user who Sirius does not know: each look-up may ask for a newer list. */
const STRANGER = 99;

/** Clients, each with an invoice of a user's and one of a stranger's. */
export async function makeClients(service) {
  for (const clientId of [...CLIENTS, LARGE]) {
    const client = {
      clientId,
      sopNumber: `${clientId}`,
      paymentMethod: "DEMANDED",
      idempotencyKey: `client ${clientId}`,
    };
    const made = await service.ask(
      sirius,
      `mutation CreateFinanceClient($input: CreateFinanceClientInput!) {
      createFinanceClient(input: $input) { userErrors { message } } }`,
      { input: client },
    );
    const invoices = [
      [2022, 3],
      [2023, STRANGER],
    ].map(([year, createdBy]) => ({
      clientId,
      feeType: "S2",
      amount: 32_000,
      supervisionLevel: "GENERAL",
      createdBy,
      startDate: `${year}-04-01`,
      endDate: `${year + 1}-03-31`,
      raisedDate: `${year + 1}-03-31`,
    }));
    const billed = await service.ask(
      sirius,
      `mutation CreateGeneratedInvoices($input: CreateGeneratedInvoicesInput!) {
      createGeneratedInvoices(input: $input) { results { userErrors { message } } userErrors { message } } }`,
      { input: { invoices, idempotencyKey: `invoices ${clientId}` } },
    );
    const errors = JSON.stringify([made, billed]).match(/"(?:message)":"[^"]*"/g);
    if (errors) throw new Error(`a client could not be made: ${errors}`);
  }
}

// A client with a history to page through, made as it is made in life: by Sirius, then by users.
import assert from "node:assert/strict";
import {
  AddFeeReductionDocument,
  BillingHistoryDocument,
  CreateFinanceClientDocument,
  CreateGeneratedInvoicesDocument,
  RaiseInvoiceAdjustmentDocument,
} from "../generated/operations.js";
import { ask } from "./ask.js";
import { manager, officer, sirius } from "./callers.js";

/** Seven annual fees of £320, 2018 to 2024, generated for user 3. */
async function makeInvoices(url: string, clientId: number) {
  const client = { clientId, sopNumber: `${clientId}`, paymentMethod: "DEMANDED" as const };
  const made = await ask(url, sirius, CreateFinanceClientDocument, {
    input: { ...client, idempotencyKey: `client ${clientId}` },
  });
  assert.deepEqual(made.createFinanceClient.userErrors, []);
  const invoices = [2018, 2019, 2020, 2021, 2022, 2023, 2024].map((year) => ({
    clientId,
    feeType: "S2" as const,
    amount: 32_000,
    startDate: `${year}-04-01`,
    endDate: `${year + 1}-03-31`,
    raisedDate: `${year + 1}-03-31`,
    supervisionLevel: "GENERAL" as const,
    createdBy: 3,
  }));
  const { createGeneratedInvoices } = await ask(url, sirius, CreateGeneratedInvoicesDocument, {
    input: { invoices, idempotencyKey: `invoices ${clientId}` },
  });
  return createGeneratedInvoices.results.map(({ invoice, userErrors }) => {
    assert.deepEqual(userErrors, []);
    return invoice!.id;
  });
}

/** Ten events of four types, by two users: 2020's fee is waived, and a credit memo waits. */
export async function makeClient(url: string, clientId: number) {
  const invoices = await makeInvoices(url, clientId);
  const { addFeeReduction } = await ask(url, manager, AddFeeReductionDocument, {
    input: {
      clientId,
      type: "EXEMPTION",
      startYear: 2020,
      lengthInYears: 1,
      dateReceived: "2021-01-10",
      notes: "Receives benefits",
    },
  });
  assert.deepEqual(addFeeReduction.userErrors, []);
  const { raiseInvoiceAdjustment } = await ask(url, officer, RaiseInvoiceAdjustmentDocument, {
    input: {
      clientId,
      invoiceId: invoices[0]!,
      type: "CREDIT_MEMO",
      amount: 5_000,
      notes: "Charged twice",
    },
  });
  assert.deepEqual(raiseInvoiceAdjustment.userErrors, []);
}

/** The whole history in one answer, which pages put together must equal. */
export async function wholeHistory(url: string, clientId: number) {
  const all = { clientId, first: 1_000 };
  const { financeClient } = await ask(url, officer, BillingHistoryDocument, all);
  return financeClient!.billingHistory!.edges.map(({ node }) => node);
}

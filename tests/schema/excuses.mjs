// Where the schema is right and the rule is too coarse. An excuse that is no longer needed is a fault.
export const excuses = [
  {
    rule: "unknownHasItsStoredWord",
    at: "BillingEvent.type",
    because: "no column holds it; where it is UNKNOWN, `transactionTypeRaw` has the stored word",
  },
  {
    rule: "unknownHasItsStoredWord",
    at: "Invoice.permittedAdjustments",
    because: "reckoned from the invoice, never read from a column, and never UNKNOWN",
  },
  {
    rule: "unknownHasItsStoredWord",
    at: "PaymentMethodChanged.paymentMethod",
    because: "never UNKNOWN: a stored word that is not known makes no event",
  },
  {
    rule: "unknownHasItsStoredWord",
    at: "Refund.status",
    because: "drawn from the decision and its dates; the stored word is `decisionRaw`",
  },
  {
    rule: "identitiesAreNodes",
    at: "User",
    because: "Sirius owns it: its id is Sirius's number",
  },
  {
    rule: "identitiesAreNodes",
    at: "Viewer",
    because: "who is asking; its id is Sirius's number",
  },
  {
    rule: "listsAreNonNull",
    at: "UserError.field",
    because: "null says that the fault is about the whole input",
  },
  {
    rule: "payloadsGiveTheClient",
    at: "CreateGeneratedInvoicesPayload",
    because: "a batch is of many clients: each of its `results` has its own",
  },
];

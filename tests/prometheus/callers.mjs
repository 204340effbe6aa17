// Who calls the service, and what they ask.
import { createHmac } from "node:crypto";
import { SECRET, SIRIUS_KEY } from "./service.mjs";

const session = (name) => ({ Cookie: `sirius=${name}; XSRF-TOKEN=x`, "X-XSRF-TOKEN": "x" });
export const officer = session("officer");
export const manager = session("manager");
export const sirius = { Authorization: `Bearer ${SIRIUS_KEY}` };

/** A token of a user's, as another service makes it: good for five seconds. */
export function bearer(id, roles = ["Finance User"], secret = SECRET) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: "urn:opg:payments-hub", aud: "urn:opg:payments-api", iat: now, exp: now + 5 };
  Object.assign(claims, { jti: `${id}`, sub: `urn:opg:sirius:users:${id}`, roles });
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  const signature = createHmac("sha256", secret).update(text).digest("base64url");
  return { Authorization: `Bearer ${text}.${signature}` };
}

export const HISTORY = `query BillingHistory($clientId: Int!) { financeClient(clientId: $clientId) {
  outstandingBalance billingHistory(first: 20) { nodes { type createdBy { displayName } } } } }`;
export const REFUNDS = "query Refunds { refunds(first: 5) { nodes { id } } }";
export const PAY = `mutation ChangePaymentMethod($input: ChangePaymentMethodInput!) {
  changePaymentMethod(input: $input) { userErrors { code } } }`;

/** A request of many, and of no queries: those would count as read from the replica. */
export const MUCH = Array.from({ length: 1000 }, () => ({ query: "{" }));

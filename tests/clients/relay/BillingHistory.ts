// What Relay asks. Its compiler reads these texts and writes `__generated__`, which alone is run.
import { graphql } from "relay-runtime";

graphql`
  query BillingHistoryQuery(
    $clientId: Int!
    $first: Int!
    $types: [BillingEventType!]
    $from: Date
    $to: Date
  ) {
    viewer {
      displayName
    }
    financeClient(clientId: $clientId) {
      ...BillingHistory_client @arguments(first: $first, types: $types, from: $from, to: $to)
    }
  }
`;

graphql`
  fragment BillingHistory_client on FinanceClient
  @argumentDefinitions(
    first: { type: "Int!" }
    after: { type: "String" }
    types: { type: "[BillingEventType!]" }
    from: { type: "Date" }
    to: { type: "Date" }
  )
  @refetchable(queryName: "BillingHistoryNextPageQuery") {
    id
    outstandingBalance
    creditBalance
    billingHistory(first: $first, after: $after, types: $types, from: $from, to: $to)
      @connection(key: "BillingHistory_billingHistory", filters: ["types", "from", "to"]) {
      totalCount
      edges {
        node {
          id
          type
          date
          outstandingBalance
          creditBalance
          createdBy @catch {
            displayName
          }
          ... on InvoiceGenerated {
            amount
            invoice {
              reference
              feeType
            }
          }
          ... on FeeReductionAwarded {
            feeReductionType
            startDate
            endDate
            dateReceived
            notes
          }
          ... on FeeReductionCancelled {
            feeReductionType
            cancellationReason
          }
          ... on InvoiceAdjustmentEvent {
            adjustmentType
            amount
            notes
            adjustedInvoice: invoice {
              reference
            }
          }
          ... on TransactionEvent {
            transactionType
            amount
            breakdown {
              amount
              status
              invoice {
                reference
              }
            }
          }
          ... on RefundEvent {
            amount
            notes
            refund {
              status
            }
          }
          ... on DirectDebitCollectionScheduled {
            amount
            collectionDate
          }
          ... on PaymentMethodChanged {
            paymentMethod
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`;

graphql`
  mutation BillingHistoryAddFeeReductionMutation($input: AddFeeReductionInput!) {
    addFeeReduction(input: $input) {
      feeReduction {
        status
      }
      financeClient {
        outstandingBalance
        creditBalance
      }
      userErrors {
        field
        code
        message
      }
    }
  }
`;

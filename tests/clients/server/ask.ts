// GraphQL without a client: one POST. It makes what tests start from, and says what they must find.
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";

export async function ask<Data, Variables>(
  url: string,
  headers: Record<string, string>,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify({ query: print(document), variables }),
  });
  const answer = await response.json();
  if (answer.errors) {
    throw new Error(JSON.stringify(answer.errors));
  }
  return answer.data;
}

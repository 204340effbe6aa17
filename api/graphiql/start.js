// Starts GraphiQL with the operations that the page offers.
const root = document.getElementById("graphiql");
const tabs = JSON.parse(root.dataset.tabs);

// Mutations by cookie must repeat the decoded XSRF-TOKEN cookie in a header.
function withXsrfToken(url, options = {}) {
  const cookie = document.cookie.split("; ").find((it) => it.startsWith("XSRF-TOKEN="));
  const headers = new Headers(options.headers);
  if (cookie) {
    const value = cookie.slice("XSRF-TOKEN=".length).replaceAll("+", " ");
    headers.set("X-XSRF-TOKEN", decodeURIComponent(value));
  }
  return fetch(url, { ...options, headers });
}

// A subscription is answered by server-sent events, for as long as it is wanted.
function subscribe(parameters, headers) {
  const stop = new AbortController();
  const results = until(stop.signal, events(parameters, headers, stop.signal));
  const end = results.return.bind(results);
  results.return = (value) => {
    stop.abort();
    return end(value);
  };
  return results;
}

// That it was stopped is no fault to be shown.
async function* until(signal, results) {
  try {
    yield* results;
  } catch (error) {
    if (!signal.aborted) {
      throw error;
    }
  }
}

async function* events(parameters, headers, signal) {
  const response = await withXsrfToken("/graphql", {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify(parameters),
    signal,
  });
  if (!response.headers.get("Content-Type").startsWith("text/event-stream")) {
    yield await response.json();
    return;
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (true) {
    const { value, done } = await reader.read();
    if (done) {
      return;
    }
    text += value;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const lines = text.slice(0, end).split("\n");
      text = text.slice(end + 2);
      if (lines.includes("event: next")) {
        yield JSON.parse(lines.find((line) => line.startsWith("data:")).slice("data:".length));
      }
    }
  }
}

const ask = GraphiQL.createFetcher({ url: "/graphql", fetch: withXsrfToken });

function fetcher(parameters, options) {
  const operations = options?.documentAST?.definitions ?? [];
  const operation = operations.find(
    ({ kind, name }) =>
      kind === "OperationDefinition" &&
      (!parameters.operationName || name?.value === parameters.operationName),
  );
  return operation?.operation === "subscription"
    ? subscribe(parameters, options?.headers)
    : ask(parameters, options);
}

ReactDOM.createRoot(root).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultTabs: tabs,
    defaultEditorToolsVisibility: tabs.some((tab) => tab.variables) && "variables",
  }),
);

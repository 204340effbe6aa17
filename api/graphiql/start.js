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

ReactDOM.createRoot(root).render(
  React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({ url: "/graphql", fetch: withXsrfToken }),
    defaultTabs: tabs,
    defaultEditorToolsVisibility: tabs.some((tab) => tab.variables) && "variables",
  }),
);

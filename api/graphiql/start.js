// Starts GraphiQL with the first query and the settings that the page carries.
const root = document.getElementById("graphiql");
ReactDOM.createRoot(root).render(
  React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({ url: "/graphql" }),
    defaultQuery: root.dataset.query,
    defaultEditorToolsVisibility: false,
  }),
);

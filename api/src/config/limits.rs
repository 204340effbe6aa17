//! Settings of what is let in: how much, how often, from where.

use std::path::PathBuf;

use clap::Args;

use super::check::Check;
use crate::graphql::Limits;
use crate::http::{AllowedOrigins, HttpLimits};

/// Unchecked. The second paragraph of each is why its default is what it is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct LimitArguments {
    /// Tokens of a document; it has 16 bytes at most for each, half as many selections with its
    /// fragments expanded, names of 100 bytes, 20 operations and 64 brackets within each other.
    ///
    /// The longest known document, GraphiQL's introspection, has some 500; a history with every
    /// field, some 600 selections.
    #[arg(long, env = "MAX_TOKENS", default_value = "5000")]
    max_tokens: String,
    /// Fields below each other.
    ///
    /// Introspection goes 15 deep; a history with all there is, 7.
    #[arg(long, env = "MAX_DEPTH", default_value = "15")]
    max_depth: String,
    /// Cost of a document: a field is 1, a list is its items (5, or the size of its page), a query of
    /// its own 20, a history 100, a change 200.
    ///
    /// A page of 1,000 events with every field is 556,120; two of them are too much. Four of the
    /// costliest are executed at once, and what costs a hundredth of it or more waits for them.
    #[arg(long, env = "MAX_COST", default_value = "1000000")]
    max_cost: String,
    /// Aliases of a document.
    ///
    /// Twice as many as root fields; compilers make a handful.
    #[arg(long, env = "MAX_ALIASES", default_value = "100")]
    max_aliases: String,
    /// Directives of a document.
    ///
    /// Front ends use a handful.
    #[arg(long, env = "MAX_DIRECTIVES", default_value = "50")]
    max_directives: String,
    /// Fields of an operation itself, each with statements of its own.
    ///
    /// A page of clients by alias; more belongs into a list.
    #[arg(long, env = "MAX_ROOT_FIELDS", default_value = "50")]
    max_root_fields: String,
    /// Bytes of a request's body, of 150,000 values at most; a WebSocket's message has 256 KiB at
    /// most.
    ///
    /// 1,000 generated invoices fit.
    #[arg(long, env = "MAX_BODY_SIZE", default_value = "1048576")]
    max_body_size: String,
    /// Operations of one request, then a JSON array; `1` takes no arrays.
    ///
    /// HTTP/2 does better, and a batch hides behind one request.
    #[arg(long, env = "MAX_BATCH", default_value = "1")]
    max_batch: String,
    /// Requests that are executed at once; one more is answered 503 with `Retry-After`.
    ///
    /// 25 for each connection to the database: what waits longer has no use.
    #[arg(long, env = "MAX_REQUESTS", default_value = "256")]
    max_requests: String,
    /// The same of one caller, answered 429.
    ///
    /// Twice the most that one front end was said to need, half of all.
    #[arg(long, env = "MAX_REQUESTS_PER_CALLER", default_value = "128")]
    max_requests_per_caller: String,
    /// Requests of one caller in a second, answered 429.
    ///
    /// Twice the same.
    #[arg(long, env = "RATE_PER_CALLER", default_value = "2000")]
    rate_per_caller: String,
    /// Subscriptions that run at once, and WebSockets.
    ///
    /// An office with a page open each.
    #[arg(long, env = "MAX_SUBSCRIPTIONS", default_value = "1000")]
    max_subscriptions: String,
    /// The same of one caller, subscriptions and WebSockets each.
    ///
    /// As many tabs.
    #[arg(long, env = "MAX_SUBSCRIPTIONS_PER_CALLER", default_value = "50")]
    max_subscriptions_per_caller: String,
    /// Connections that are open at once; one more waits.
    ///
    /// An idle one takes some kilobytes; raise the limit of open files along with it.
    #[arg(long, env = "MAX_CONNECTIONS", default_value = "4096")]
    max_connections: String,
    /// How long a connection may take to send the head of its next request, and a WebSocket to say
    /// who it is.
    ///
    /// Proxies keep idle connections themselves.
    #[arg(long, env = "HEAD_TIMEOUT", default_value = "10s")]
    head_timeout: String,
    /// Texts remembered by their hash (automatic persisted queries), of 16 KiB at most each; `0` is
    /// none.
    ///
    /// 16 MiB at most.
    #[arg(long, env = "PERSISTED_QUERIES", default_value = "1000")]
    persisted_queries: String,
    /// A manifest of operations: only those run. An object from ids to texts (Relay's compiler,
    /// GraphQL Code Generator), or Apollo's.
    #[arg(long, env = "TRUSTED_DOCUMENTS")]
    trusted_documents: Option<PathBuf>,
    /// `on`: the schema may be asked for, as GraphiQL does.
    ///
    /// Front ends have `schema.graphql`.
    #[arg(long, env = "INTROSPECTION", default_value = "off")]
    introspection: String,
    /// `on`: a misspelt name is answered with the right one.
    ///
    /// It tells the schema piece by piece.
    #[arg(long, env = "SUGGESTIONS", default_value = "off")]
    suggestions: String,
    /// Origins of pages that may call from elsewhere, and open WebSockets:
    /// `https://one.example,https://two.example`.
    #[arg(long, env = "ALLOWED_ORIGINS")]
    allowed_origins: Option<String>,
}

/// What is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the help of each flag says it")]
pub struct LimitSettings {
    pub document: Limits,
    pub http: HttpLimits,
    pub trusted_documents: Option<PathBuf>,
    pub suggestions: bool,
    pub origins: AllowedOrigins,
}

impl LimitArguments {
    pub(super) fn read(&self, check: &mut Check) -> Option<LimitSettings> {
        let mut at_least = |least: u32, name: &str, value: &str| {
            let wanted = format!("a whole number, {least} to {MOST}");
            check.value(name, value, &wanted, |it| {
                let number = it.parse::<u32>().ok()?;
                (least..=MOST).contains(&number).then_some(number)
            })
        };
        let mut count = |name: &str, value: &str| at_least(1, name, value);
        let tokens = count("MAX_TOKENS", &self.max_tokens);
        let depth = count("MAX_DEPTH", &self.max_depth);
        let cost = count("MAX_COST", &self.max_cost);
        let root_fields = count("MAX_ROOT_FIELDS", &self.max_root_fields);
        let body = count("MAX_BODY_SIZE", &self.max_body_size);
        let batch = count("MAX_BATCH", &self.max_batch);
        let requests = count("MAX_REQUESTS", &self.max_requests);
        let requests_per_caller = count("MAX_REQUESTS_PER_CALLER", &self.max_requests_per_caller);
        let rate_per_caller = count("RATE_PER_CALLER", &self.rate_per_caller);
        let connections = count("MAX_CONNECTIONS", &self.max_connections);
        let mut or_none = |name: &str, value: &str| at_least(0, name, value);
        let aliases = or_none("MAX_ALIASES", &self.max_aliases);
        let directives = or_none("MAX_DIRECTIVES", &self.max_directives);
        let subscriptions = or_none("MAX_SUBSCRIPTIONS", &self.max_subscriptions);
        let per_caller = &self.max_subscriptions_per_caller;
        let subscriptions_per_caller = or_none("MAX_SUBSCRIPTIONS_PER_CALLER", per_caller);
        let persisted_queries = or_none("PERSISTED_QUERIES", &self.persisted_queries);
        let head_timeout = check.duration("HEAD_TIMEOUT", &self.head_timeout);
        let introspection = check.switch("INTROSPECTION", &self.introspection);
        let suggestions = check.switch("SUGGESTIONS", &self.suggestions);
        let allowed = self.allowed_origins.as_deref();
        let wanted = "origins, such as https://one.example,https://two.example:8443";
        let is_listed = allowed.is_some_and(|it| !it.is_empty());
        let origins = check.optional("ALLOWED_ORIGINS", allowed, wanted, AllowedOrigins::parse);
        if is_listed && origins.is_none() {
            return None;
        }
        let file = self.trusted_documents.clone();
        Some(LimitSettings {
            document: Limits {
                tokens: size(tokens?),
                depth: depth?.into(),
                cost: cost?.into(),
                aliases: aliases?.into(),
                directives: directives?.into(),
                root_fields: root_fields?.into(),
                introspection: introspection?,
            },
            http: HttpLimits {
                body: size(body?),
                requests: size(requests?),
                requests_per_caller: size(requests_per_caller?),
                rate_per_caller: rate_per_caller?,
                batch: size(batch?),
                persisted_queries: persisted_queries?.into(),
                subscriptions: size(subscriptions?),
                subscriptions_per_caller: size(subscriptions_per_caller?),
                connections: size(connections?),
                head_timeout: head_timeout?,
            },
            trusted_documents: file.filter(|path| !path.as_os_str().is_empty()),
            suggestions: suggestions?,
            origins: origins.unwrap_or_default(),
        })
    }
}

/// The most that any of these numbers may be.
const MOST: u32 = 1_000_000_000;

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

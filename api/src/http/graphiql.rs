//! The GraphiQL page: its own files come from a CDN, pinned and with integrity hashes, or from the
//! local bundle when that has been built (`npm run --prefix api/graphiql build`).

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path as UrlPath, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

use super::router::Served;

const CDN: &str = "https://cdn.jsdelivr.net";
const START: &str = include_str!("../../graphiql/start.js");
const PAGE_STYLE: &str = include_str!("../../graphiql/page.css");
const ASSETS: &str = include_str!("../../graphiql/assets.json");

/// One of GraphiQL's own files.
#[derive(Deserialize)]
struct Asset {
    name: String,
    kind: AssetKind,
    package: String,
    version: String,
    path: String,
    integrity: String,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum AssetKind {
    Script,
    Style,
}

/// Cookies that the page sets: the demo signs a visitor in to its stand-in by them.
#[derive(Clone, Debug, Default)]
pub struct SignIn {
    /// Values of Set-Cookie.
    pub cookies: Vec<HeaderValue>,
}

/// An operation that the page offers.
#[derive(Clone, Debug, Serialize)]
pub struct Tab {
    /// Its text.
    pub query: String,
    /// Its variables, as JSON; empty for none.
    pub variables: String,
}

impl Tab {
    /// A text without variables.
    pub fn of(query: &str) -> Self {
        Self {
            query: query.to_owned(),
            variables: String::new(),
        }
    }
}

/// The page, ready to serve.
pub struct Graphiql {
    html: Bytes,
    policy: HeaderValue,
    sign_in: SignIn,
    files: HashMap<String, (&'static str, Bytes)>,
}

/// The list of GraphiQL's files, which belongs to the program, could not be used.
#[derive(Debug, thiserror::Error)]
#[error("the list of GraphiQL's files is damaged")]
pub struct DamagedAssets;

impl Graphiql {
    /// A page that offers these operations, the first one open. It uses the files in `bundle` if all are there, else the
    /// CDN's.
    ///
    /// # Errors
    /// When the built-in list of files is damaged.
    pub fn new(tabs: &[Tab], bundle: &Path, sign_in: SignIn) -> Result<Self, DamagedAssets> {
        let assets: Vec<Asset> = serde_json::from_str(ASSETS).map_err(|_| DamagedAssets)?;
        let local = assets
            .iter()
            .map(|asset| {
                let bytes = std::fs::read(bundle.join(&asset.name)).ok()?;
                Some((
                    asset.name.clone(),
                    (asset.kind.content_type(), Bytes::from(bytes)),
                ))
            })
            .collect::<Option<HashMap<_, _>>>();
        let foreign = |kind: AssetKind| match local {
            Some(_) => String::new(),
            // These files alone, not whatever else the host has.
            None => assets
                .iter()
                .filter(|asset| asset.kind == kind)
                .map(|asset| format!(" {}", asset.foreign_url()))
                .collect(),
        };
        let (scripts, styles) = (foreign(AssetKind::Script), foreign(AssetKind::Style));
        // The editor writes styles, though no scripts, into the page.
        let policy = format!(
            "default-src 'none'; script-src 'self'{scripts}; \
             style-src 'self' 'unsafe-inline'{styles}; img-src 'self' data:; font-src data:; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        let tabs = serde_json::to_string(tabs).map_err(|_| DamagedAssets)?;
        let html = page(&tabs, &assets, local.is_some());
        let mut files = local.unwrap_or_default();
        files.insert(
            "start.js".to_owned(),
            (AssetKind::Script.content_type(), START.into()),
        );
        files.insert(
            "page.css".to_owned(),
            (AssetKind::Style.content_type(), PAGE_STYLE.into()),
        );
        Ok(Self {
            html: html.into(),
            policy: HeaderValue::from_str(&policy).map_err(|_| DamagedAssets)?,
            sign_in,
            files,
        })
    }

    /// Whether the page works without the internet.
    pub fn is_local(&self) -> bool {
        self.files.len() > 2
    }

    pub(super) fn page(&self) -> Response {
        let mut response = with_type("text/html; charset=utf-8", self.html.clone());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for cookie in &self.sign_in.cookies {
            headers.append(header::SET_COOKIE, cookie.clone());
        }
        response
    }
}

/// `GET /graphiql/{file}`.
pub(super) async fn file(
    State(served): State<Arc<Served>>,
    UrlPath(file): UrlPath<String>,
) -> Response {
    match served.app.graphiql.files.get(&file) {
        Some((kind, bytes)) => with_type(kind, bytes.clone()),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl AssetKind {
    fn content_type(self) -> &'static str {
        match self {
            Self::Script => "text/javascript; charset=utf-8",
            Self::Style => "text/css; charset=utf-8",
        }
    }
}

fn with_type(kind: &'static str, bytes: Bytes) -> Response {
    let mut response = Response::new(Body::from(bytes));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn page(tabs: &str, assets: &[Asset], is_local: bool) -> String {
    let links = |kind: AssetKind| {
        assets
            .iter()
            .filter(|asset| asset.kind == kind)
            .map(|asset| link(asset, is_local))
            .collect::<String>()
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <title>Supervision Finance API</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         {styles}<link rel=\"stylesheet\" href=\"/graphiql/page.css\">\n</head>\n<body>\n\
         <noscript>GraphiQL needs JavaScript.</noscript>\n\
         <div id=\"graphiql\" data-tabs=\"{tabs}\"><p class=\"waiting\">GraphiQL is loading. If \
         nothing comes, this machine does not reach the internet: build the local bundle with \
         <code>npm run --prefix api/graphiql build</code> and start again.</p></div>\n\
         {scripts}<script src=\"/graphiql/start.js\"></script>\n</body>\n</html>\n",
        styles = links(AssetKind::Style),
        scripts = links(AssetKind::Script),
        tabs = escaped(tabs),
    )
}

impl Asset {
    /// Where it is when there is no local bundle.
    fn foreign_url(&self) -> String {
        let Self {
            package,
            version,
            path,
            ..
        } = self;
        format!("{CDN}/npm/{package}@{version}/{path}")
    }
}

fn link(asset: &Asset, is_local: bool) -> String {
    let Asset {
        name, integrity, ..
    } = asset;
    let url = match is_local {
        true => format!("/graphiql/{name}"),
        false => asset.foreign_url(),
    };
    let checks = format!("integrity=\"{integrity}\" crossorigin=\"anonymous\"");
    match asset.kind {
        AssetKind::Script => format!("<script src=\"{url}\" {checks}></script>\n"),
        AssetKind::Style => format!("<link rel=\"stylesheet\" href=\"{url}\" {checks}>\n"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
}

//! Which media type an answer has (GraphQL over HTTP, "Media Types").

use http::{HeaderMap, header};

/// The media type of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaType {
    /// `application/graphql-response+json`: the status tells whether the request was executed.
    GraphqlResponse,
    /// `application/json`: every well-formed request is answered with 200.
    Json,
}

impl MediaType {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }

    fn essence(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json",
            Self::Json => "application/json",
        }
    }

    /// The best that the caller accepts; none if it accepts neither. Without a wish it is plain
    /// JSON, and of two equal wishes the specification's own type.
    pub(super) fn negotiate(headers: &HeaderMap) -> Option<Self> {
        let ranges = accepted(headers);
        if ranges.is_empty() {
            return Some(Self::Json);
        }
        let named = |it: Self| ranges.iter().any(|range| range.essence == it.essence());
        let quality = |it: Self| quality(&ranges, it.essence());
        let (response, json) = (quality(Self::GraphqlResponse), quality(Self::Json));
        match response.max(json) {
            0 => None,
            _ if response > json => Some(Self::GraphqlResponse),
            _ if response == json && named(Self::GraphqlResponse) => Some(Self::GraphqlResponse),
            _ => Some(Self::Json),
        }
    }
}

/// Whether the caller is a browser asking for a page.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    accepted(headers)
        .iter()
        .any(|range| range.essence == "text/html" && range.quality > 0)
}

/// Whether the caller accepts server-sent events: many clients name them with every request, for the sake
/// of subscriptions.
pub(super) fn accepts_events(headers: &HeaderMap) -> bool {
    events(&accepted(headers)) > 0
}

/// Whether the caller would rather have server-sent events than JSON, whatever it asks for.
pub(super) fn prefers_events(headers: &HeaderMap) -> bool {
    let ranges = accepted(headers);
    let json = [MediaType::GraphqlResponse, MediaType::Json];
    let json = json.map(|it| quality(&ranges, it.essence()));
    json.into_iter().all(|json| json < events(&ranges))
}

/// A range such as `*/*` does not count: a stream is for those who name it.
fn events(ranges: &[Accepted]) -> u16 {
    let mut ranges = ranges.iter();
    let named = ranges.find(|range| range.essence == "text/event-stream");
    named.map_or(0, |range| range.quality)
}

/// One range of an Accept header; the quality is in thousandths.
struct Accepted {
    essence: String,
    quality: u16,
}

fn accepted(headers: &HeaderMap) -> Vec<Accepted> {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let essence = parts
                .next()
                .filter(|it| !it.is_empty())?
                .to_ascii_lowercase();
            let quality = parts
                .find_map(|it| it.strip_prefix("q=").or_else(|| it.strip_prefix("Q=")))
                .map_or(1000, thousandths);
            Some(Accepted { essence, quality })
        })
        .collect()
}

/// `1`, `0.5`, `0.123`; anything else counts as not accepted.
fn thousandths(text: &str) -> u16 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = part.len() <= 3 && part.bytes().all(|it| it.is_ascii_digit());
    match whole {
        "1" => 1000,
        "0" if digits => format!("{part:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

/// The most specific range decides.
fn quality(ranges: &[Accepted], essence: &str) -> u16 {
    let of = |name: &str| {
        ranges
            .iter()
            .find(|it| it.essence == name)
            .map(|it| it.quality)
    };
    of(essence)
        .or_else(|| of("application/*"))
        .or_else(|| of("*/*"))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn negotiate(accept: &str) -> Option<MediaType> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
        MediaType::negotiate(&headers)
    }

    #[test]
    fn without_a_wish_plain_json_is_given() {
        assert_eq!(
            MediaType::negotiate(&HeaderMap::new()),
            Some(MediaType::Json)
        );
        assert_eq!(negotiate("*/*"), Some(MediaType::Json));
        assert_eq!(negotiate("application/*"), Some(MediaType::Json));
    }

    #[test]
    fn the_higher_quality_wins_and_the_specific_range_decides() {
        assert_eq!(negotiate("application/json"), Some(MediaType::Json));
        let both = "application/graphql-response+json, application/json;q=0.9";
        assert_eq!(negotiate(both), Some(MediaType::GraphqlResponse));
        let json = "application/graphql-response+json;q=0.1, application/json;q=0.9";
        assert_eq!(negotiate(json), Some(MediaType::Json));
        let equal = "application/json, application/graphql-response+json";
        assert_eq!(negotiate(equal), Some(MediaType::GraphqlResponse));
        let other = "application/json;q=0, */*";
        assert_eq!(negotiate(other), Some(MediaType::GraphqlResponse));
    }

    #[test]
    fn a_stream_is_for_those_who_name_it_and_instead_of_json_for_those_who_prefer_it() {
        let accepts = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            (accepts_events(&headers), prefers_events(&headers))
        };
        assert_eq!(accepts("text/event-stream"), (true, true));
        assert_eq!(
            accepts("text/event-stream, application/json;q=0.9"),
            (true, true)
        );
        assert_eq!(
            accepts("application/json, text/event-stream"),
            (true, false)
        );
        assert_eq!(accepts("*/*"), (false, false));
        assert_eq!(accepts("text/event-stream;q=0"), (false, false));
    }

    #[test]
    fn nothing_acceptable_is_none() {
        assert_eq!(negotiate("text/html"), None);
        assert_eq!(negotiate("application/json;q=0"), None);
        assert_eq!(negotiate("application/json;q=high"), None);
    }
}

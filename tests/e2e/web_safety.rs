//! What browsers are told, and what other sites can make them do.

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::json;
use tests::{Answer, Harness, OFFICER, PAGE, any_database};

const QUERY: &str = "{ viewer { id } }";

#[track_caller]
fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

async fn ask_from(t: &Harness, pairs: &[(&str, &str)]) -> Answer {
    let request = t
        .post()
        .header("Cookie", OFFICER)
        .json(&json!({ "query": QUERY }));
    let request = pairs.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    Answer::of(request).await
}

any_database! {
    async fn every_answer_tells_browsers_to_show_run_and_guess_nothing(t) {
        for path in ["/graphql?query={viewer{id}}", "/graphql", "/health/live", "/none", "/graphiql/none"] {
            let answer = t.get(path).send().await.unwrap();
            let headers = answer.headers();
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("referrer-policy", "no-referrer"),
                ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
                ("cross-origin-opener-policy", "same-origin"),
                ("cross-origin-resource-policy", "same-origin"),
            ] {
                assert_eq!(header(headers, name), value, "{path}");
            }
            // Nothing tells what runs here.
            assert!(!headers.contains_key("server") && !headers.contains_key("x-powered-by"));
        }
    }

    async fn the_page_runs_its_own_pinned_scripts_and_no_others(t) {
        let page = t.get("/graphql").header("Accept", "text/html").send().await.unwrap();
        let policy = header(page.headers(), "content-security-policy").to_owned();
        let directive = |name: &str| {
            let mut all = policy.split("; ");
            all.find_map(|it| it.strip_prefix(&format!("{name} "))).unwrap_or_default().to_owned()
        };
        assert_eq!(directive("default-src"), "'none'");
        assert_eq!(directive("connect-src"), "'self'");
        assert_eq!(directive("frame-ancestors"), "'none'");
        assert_eq!(directive("base-uri"), "'none'");
        let scripts = directive("script-src");
        assert!(!scripts.contains("unsafe") && !scripts.contains('*'), "{scripts}");
        // Where they are another host's, it is these files alone.
        let of_others = scripts.split(' ').filter(|it| it.starts_with("https:"));
        assert!(of_others.clone().count() > 0);
        assert!(of_others.clone().all(|it| it.contains('@') && it.ends_with(".js")), "{scripts}");
        let text = page.text().await.unwrap();
        assert!(text.matches("<script").count() == text.matches("<script src").count());
    }

    async fn a_page_of_another_origin_may_call_if_it_is_listed(t) {
        let listed = ask_from(t, &[("Origin", PAGE)]).await;
        assert_eq!(listed.data("/viewer/id"), "3");
        assert_eq!(header(&listed.headers, "access-control-allow-origin"), PAGE);
        assert_eq!(header(&listed.headers, "access-control-allow-credentials"), "true");
        let other = ask_from(t, &[("Origin", "https://evil.example")]).await;
        assert_eq!(header(&other.headers, "access-control-allow-origin"), "");
        let preflight = async |origin: &str| {
            let client = reqwest::Client::new();
            let request = client.request(Method::OPTIONS, format!("{}graphql", t.origin));
            let request = request.header("Origin", origin)
                .header("Access-Control-Request-Method", "POST")
                .header("Access-Control-Request-Headers", "content-type,x-xsrf-token");
            request.send().await.unwrap().headers().clone()
        };
        let asked = preflight(PAGE).await;
        assert_eq!(header(&asked, "access-control-allow-origin"), PAGE);
        assert!(header(&asked, "access-control-allow-headers").contains("x-xsrf-token"));
        let asked = preflight("https://evil.example").await;
        assert_eq!(header(&asked, "access-control-allow-origin"), "");
    }

    async fn what_a_foreign_site_makes_a_browser_send_is_not_answered(t) {
        let cross = ("Sec-Fetch-Site", "cross-site");
        // An image or a link: no Origin.
        let url = format!("/graphql?query={QUERY}");
        let image = t.get(&url).header("Cookie", OFFICER).header(cross.0, cross.1);
        let image = Answer::of(image).await;
        assert_eq!((image.status.as_u16(), image.code()), (403, "FORBIDDEN".to_owned()));
        let fetch = ask_from(t, &[cross, ("Origin", "https://evil.example")]).await;
        assert_eq!(fetch.code(), "FORBIDDEN");
        let listed = ask_from(t, &[cross, ("Origin", PAGE)]).await;
        assert_eq!(listed.data("/viewer/id"), "3");
        let own = ask_from(t, &[("Sec-Fetch-Site", "same-origin")]).await;
        assert_eq!(own.data("/viewer/id"), "3");
    }

    async fn a_form_of_another_site_is_refused_whatever_its_type(t) {
        let mutation = "mutation { changePaymentMethod(input: { clientId: 1, paymentMethod: DEMANDED }) { userErrors { code } } }";
        let body = json!({ "query": mutation }).to_string();
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
            let form = t.post().header("Cookie", OFFICER).header("Content-Type", kind).body(body.clone());
            assert_eq!(Answer::of(form).await.status, 415, "{kind}");
        }
        let none = t.post().header("Cookie", OFFICER).body(body.clone());
        assert_eq!(Answer::of(none).await.status, 415);
        // And if one could send JSON, it does not know the token.
        let json = t.post().header("Cookie", OFFICER).header("Content-Type", "application/json").body(body);
        assert_eq!(Answer::of(json).await.code(), "FORBIDDEN");
    }
}

//! Answers of the API, ready to be looked at.

use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The answer to a request; its body must be JSON.
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: {text}"));
        Self {
            status,
            headers,
            body,
        }
    }

    /// The data at a JSON pointer below `data`, of an answer without errors.
    #[track_caller]
    pub fn data(&self, pointer: &str) -> &Value {
        assert_eq!(self.body.get("errors"), None, "{:#}", self.body);
        self.partial(pointer)
    }

    /// The data at a JSON pointer below `data`, whatever the errors.
    #[track_caller]
    pub fn partial(&self, pointer: &str) -> &Value {
        let data = self
            .body
            .get("data")
            .unwrap_or_else(|| panic!("no data: {:#}", self.body));
        data.pointer(pointer)
            .unwrap_or_else(|| panic!("no {pointer}: {:#}", self.body))
    }

    /// The values of one field of the objects in the list at a pointer.
    #[track_caller]
    pub fn column(&self, pointer: &str, field: &str) -> Vec<Value> {
        let list = self.data(pointer).as_array().unwrap();
        list.iter()
            .map(|it| it.pointer(&format!("/{field}")).cloned().unwrap())
            .collect()
    }

    /// Code and path of each error; the path is written `financeClient/billingHistory`.
    pub fn errors(&self) -> Vec<(String, String)> {
        let errors = self.body.get("errors").and_then(Value::as_array);
        errors
            .into_iter()
            .flatten()
            .map(|error| {
                let code = error["extensions"]["code"]
                    .as_str()
                    .unwrap_or("none")
                    .to_owned();
                let path = error["path"].as_array().into_iter().flatten();
                let path = path.map(|it| it.to_string().trim_matches('"').to_owned());
                (code, path.collect::<Vec<_>>().join("/"))
            })
            .collect()
    }

    /// The code of the only error.
    #[track_caller]
    pub fn code(&self) -> String {
        match self.errors().as_slice() {
            [(code, _)] => code.clone(),
            errors => panic!("{errors:?}"),
        }
    }
}

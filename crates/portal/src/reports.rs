//! Reports to hand out: `/api/exposure/report` and the draft of a notice. The warden signs; the pages are drawn here, and whoever
//! gets them checks that they are those of the signed report.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use model::{Instant, Window};
use protocol::{PageReply, PageRequest, ReportDocument, SignedReport};
use report::Language;

use crate::address::Path;
use crate::app::{Serving, unexpected};
use crate::credential::Caller;
use crate::errors::Failure;
use crate::query;

/// What form a report is wanted in.
#[derive(Clone, Copy)]
enum Form {
    Pdf,
    Csv,
    Json,
    Text,
}

impl Form {
    fn named(name: &str) -> Result<Self, Failure> {
        match name {
            "pdf" => Ok(Self::Pdf),
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            "txt" => Ok(Self::Text),
            _ => Err(Failure::Malformed("form", "pdf, csv, json or txt")),
        }
    }

    /// Media type and file name. No name of anybody stands in it: it would stay in lists of downloads.
    fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::Pdf => ("application/pdf", "attachment; filename=\"report.pdf\""),
            Self::Csv => ("text/csv; charset=utf-8; header=present", "attachment; filename=\"report.csv\""),
            Self::Json => ("application/x-ndjson", "attachment; filename=\"report.json\""),
            Self::Text => ("text/plain; charset=utf-8", "attachment; filename=\"report.txt\""),
        }
    }
}

/// `GET /api/exposure/report?who=..&from=..&to=..&form=pdf|csv|json&language=en|de&incident=N`
pub(crate) async fn signed(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Failure> {
    let (mut who, mut from, mut to, mut incident) = (None, None, None, None);
    let (mut form, mut language) = (Form::Pdf, Language::English);
    for (name, value) in query::parameters(raw.as_deref())? {
        match name.as_str() {
            "who" => who = Some(value),
            "from" => from = Some(Instant(query::number("from", &value)?)),
            "to" => to = Some(Instant(query::number("to", &value)?)),
            "incident" => incident = Some(query::number("incident", &value)?),
            "form" => form = Form::named(&value)?,
            "language" => language = tongue(&value)?,
            _ => {}
        }
    }
    let (Some(who), Some(from), Some(to)) = (who, from, to) else {
        return Err(Failure::Malformed("the query", "who, from and to in microseconds since 1970"));
    };
    let request = PageRequest::SignedExposure { who, window: Window { from, to }, incident };
    let PageReply::SignedExposure(signed) = serving.warden.ask(&caller, request).await? else {
        return Err(unexpected());
    };
    drawn(&serving, form, move || render(&signed, form, language)).await
}

/// `GET /api/incidents/{incident}/notice?form=pdf|txt&language=en|de`
pub(crate) async fn notice(
    State(serving): State<Serving>,
    Caller(caller): Caller,
    Path(incident): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Failure> {
    let incident = query::number("incident", &incident)?;
    let (mut form, mut language) = (Form::Pdf, Language::English);
    for (name, value) in query::parameters(raw.as_deref())? {
        match name.as_str() {
            "form" => form = Form::named(&value)?,
            "language" => language = tongue(&value)?,
            _ => {}
        }
    }
    let PageReply::Incident(detail) = serving.warden.ask(&caller, PageRequest::Incident { incident }).await? else {
        return Err(unexpected());
    };
    drawn(&serving, form, move || match form {
        Form::Text => Ok(report::notice_text(&detail, language).into_bytes()),
        _ => report::notice_pdf(&detail, language).map_err(|_| Failure::Internal),
    })
    .await
}

/// Draws on a thread that may block, as many at a time as pictures are.
async fn drawn(
    serving: &Serving,
    form: Form,
    draw: impl FnOnce() -> Result<Vec<u8>, Failure> + Send + 'static,
) -> Result<Response, Failure> {
    let place = Arc::clone(&serving.rendering).acquire_owned().await.map_err(|_| Failure::Busy)?;
    let drawn = tokio::task::spawn_blocking(move || {
        let drawn = draw();
        drop(place);
        drawn
    });
    let bytes = drawn.await.map_err(|_| Failure::Internal)??;
    let (kind, disposition) = form.labels();
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static(disposition)),
    ];
    Ok((headers, bytes).into_response())
}

fn render(signed: &SignedReport, form: Form, language: Language) -> Result<Vec<u8>, Failure> {
    let failed = |error: report::ReportError| {
        tracing::error!(%error, "a report could not be drawn");
        Failure::Internal
    };
    match form {
        Form::Pdf => report::pdf(signed, language).map_err(failed),
        Form::Csv => {
            let document: ReportDocument = serde_json::from_str(&signed.document).map_err(|_| Failure::Internal)?;
            Ok(report::csv(&document.report, language).into_bytes())
        }
        Form::Json | Form::Text => Ok(report::signed_json(signed).into_bytes()),
    }
}

fn tongue(tag: &str) -> Result<Language, Failure> {
    Language::from_tag(tag).ok_or(Failure::Malformed("language", "en or de"))
}

//! Metrics of requests, in Prometheus' text format.

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use poem::http::{Method, StatusCode};

/// Upper bounds of the histograms' buckets, in seconds.
const BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];

/// The metrics of the process: everything recorded with the macros of the crate `metrics`.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// The process's recorder, installed by the first call. Metrics whose names end in `_seconds` are histograms.
    pub fn install() -> Self {
        static INSTALLED: OnceLock<Metrics> = OnceLock::new();
        let install = || {
            let builder = PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)
                .expect("there are buckets");
            let recorder = builder.build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("another metrics recorder is installed; /metrics stays empty");
            }
            metrics::describe_counter!("http_requests_total", "Completed requests");
            metrics::describe_histogram!(
                "http_request_seconds",
                "Time from a request's head to its response's head"
            );
            metrics::describe_gauge!("http_requests_in_flight", "Requests in progress");
            Self(handle)
        };
        INSTALLED.get_or_init(install).clone()
    }

    /// All metrics in Prometheus' text format.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Adds recorded samples to their histograms. Call it every few seconds: samples are buffered until then.
    pub fn run_upkeep(&self) {
        self.0.run_upkeep();
    }
}

/// Records a response. `route` is a path template and not a path, so that the number of series is bounded.
pub(crate) fn record_response(method: &Method, route: &str, status: StatusCode, took: Duration) {
    let method = match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    };
    let (route, status) = (route.to_owned(), status.as_str().to_owned());
    metrics::counter!("http_requests_total", "method" => method, "route" => route.clone(), "status" => status).increment(1);
    metrics::histogram!("http_request_seconds", "method" => method, "route" => route)
        .record(took.as_secs_f64());
}

/// Increments a counter of the process, which `/metrics` shows. Its name ends in `_total`.
pub fn count(counter: &'static str) {
    metrics::counter!(counter).increment(1);
}

/// Counts a request as in progress until it is dropped.
pub(crate) struct InFlight;

impl InFlight {
    pub(crate) fn begin() -> Self {
        metrics::gauge!("http_requests_in_flight").increment(1.0);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        metrics::gauge!("http_requests_in_flight").decrement(1.0);
    }
}

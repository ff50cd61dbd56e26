//! The router: which path leads to which handler, and the document that says so.

mod activation;
mod calls;
mod cdrs;
mod conferences;
mod document;
mod health;
mod keys;
mod logs;
mod numbers;
mod phones;
mod plugins;
mod prompts;
mod recorded;
mod recordings;
mod requests;
mod settings;
mod tenants;
mod traces;
mod trunks;
mod versions;
mod voice;

use axum::{Router, middleware};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{State, problem};

/// The whole API over this state.
pub fn router(state: State) -> Router {
    let (router, document) = routes().split_for_parts();
    router
        .merge(document::routes(document))
        .fallback(problem::unknown_route)
        .method_not_allowed_fallback(problem::unknown_method)
        .layer(middleware::from_fn_with_state(
            state.clone(),
            problem::finish,
        ))
        .with_state(state)
}

/// Every documented route.
fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::with_openapi(document::head())
        .routes(routes!(requests::makecall))
        .routes(routes!(requests::cancelcall))
        .routes(routes!(requests::other_verb))
        .routes(routes!(requests::callin))
        .routes(routes!(tenants::create, tenants::list))
        .routes(routes!(tenants::show))
        .routes(routes!(numbers::create, numbers::list))
        .routes(routes!(numbers::show, numbers::delete))
        .routes(routes!(trunks::create, trunks::list))
        .routes(routes!(trunks::show, trunks::delete))
        .routes(routes!(phones::create, phones::list))
        .routes(routes!(phones::show, phones::delete))
        .routes(routes!(prompts::create, prompts::list))
        .routes(routes!(prompts::show, prompts::delete))
        .routes(routes!(prompts::audio, prompts::replace))
        .routes(routes!(settings::show, settings::set))
        .routes(routes!(keys::create, keys::list))
        .routes(routes!(keys::delete))
        .routes(routes!(plugins::list))
        .routes(routes!(plugins::show))
        .routes(routes!(versions::upload, versions::list))
        .routes(routes!(activation::show, activation::activate))
        .routes(routes!(activation::rollback))
        .routes(routes!(plugins::settings, plugins::set))
        .routes(routes!(logs::follow))
        .routes(routes!(calls::list, calls::create))
        .routes(routes!(calls::show, calls::release))
        .routes(routes!(conferences::list))
        .routes(routes!(traces::of_call))
        .routes(routes!(traces::svg))
        .routes(routes!(traces::text))
        .routes(routes!(traces::of_session))
        .routes(routes!(recorded::list))
        .routes(routes!(recorded::turns))
        .routes(routes!(cdrs::list))
        .routes(routes!(recordings::list))
        .routes(routes!(recordings::show, recordings::delete))
        .routes(routes!(recordings::audio))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
}

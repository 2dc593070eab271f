//! Errors as RFC 9457 problems.

use axum::Json;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use serde::Serialize;
use service::ServiceError;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    pub title: String,
    pub status: u16,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    /// A code of the second factor is asked for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub second_factor: bool,
}

/// What is wrong with one field.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldProblem {
    pub field: String,
    pub message: String,
}

#[derive(Debug)]
pub struct ApiError {
    problem: Problem,
    retry_after_s: Option<u64>,
}

pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    pub fn new(status: StatusCode, title: &str) -> Self {
        let problem = Problem {
            title: title.to_owned(),
            status: status.as_u16(),
            errors: Vec::new(),
            second_factor: false,
        };
        ApiError {
            problem,
            retry_after_s: None,
        }
    }

    /// Try again after so many seconds.
    pub fn after(self, seconds: u64) -> Self {
        ApiError {
            retry_after_s: Some(seconds),
            ..self
        }
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::NotFound => ApiError::new(StatusCode::NOT_FOUND, "Not found."),
            ServiceError::CodeNeeded { refused } => {
                let title = if refused {
                    "This code does not fit, or was used before. Type the one that the app shows now."
                } else {
                    "Type the code that your app shows."
                };
                let mut error = ApiError::new(StatusCode::UNAUTHORIZED, title);
                error.problem.second_factor = true;
                error
            }
            ServiceError::Forbidden => {
                ApiError::new(StatusCode::FORBIDDEN, "Only a super-administrator may do this.")
            }
            ServiceError::Sealed => ApiError::new(
                StatusCode::CONFLICT,
                "This account is sealed, because your sign-in was reset by somebody else. Type the mailbox's own password to open it.",
            ),
            ServiceError::DraftChanged => conflict(
                "version",
                "This draft was changed in another tab or on another device.",
            ),
            ServiceError::DraftSent => conflict(
                "draft",
                "This draft has been sent already, from another tab or device.",
            ),
            ServiceError::SignedOut => ApiError::new(StatusCode::UNAUTHORIZED, "Sign in first."),
            ServiceError::Throttled { retry_after_s } => {
                let title = format!("Too many attempts. Try again in {retry_after_s} seconds.");
                ApiError::new(StatusCode::TOO_MANY_REQUESTS, &title).after(retry_after_s)
            }
            ServiceError::Invalid(errors) => {
                let mut error = ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "Some fields are wrong.");
                let problems = errors.into_iter().map(|error| FieldProblem {
                    field: error.field.to_owned(),
                    message: error.message,
                });
                error.problem.errors = problems.collect();
                error
            }
            ServiceError::Store(error) if error.is_no_room() => {
                tracing::error!(%error, "No room on the disk");
                let title = "There is no room left on the server's disk: nothing was stored. Tell the operator to make room, then try again.";
                ApiError::new(StatusCode::INSUFFICIENT_STORAGE, title)
            }
            ServiceError::TooLong => {
                tracing::error!(%error, "Request given up");
                let title = "This takes too long. A message can still be downloaded.";
                ApiError::new(StatusCode::SERVICE_UNAVAILABLE, title)
            }
            ServiceError::LeaseLost
            | ServiceError::FolderRenumbered
            | ServiceError::Damaged
            | ServiceError::Store(_)
            | ServiceError::Unwritable(_)
            | ServiceError::Worker(_) => {
                tracing::error!(%error, "Request failed");
                let title =
                    "Waxseal could not do this. Try again; if it stays, the operator finds why in the log.";
                ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, title)
            }
        }
    }
}

/// What was asked no longer fits what there is; the field says of what.
fn conflict(field: &str, title: &str) -> ApiError {
    let mut error = ApiError::new(StatusCode::CONFLICT, title);
    error.problem.errors = vec![FieldProblem {
        field: field.to_owned(),
        message: title.to_owned(),
    }];
    error
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cell::Cell;

use domain::{Error, Result};

use super::{TLS_FAILED, retried};
use crate::connection::Reach;

/// How often it was tried when each try ends in this way and one further try is allowed.
async fn tries(outcome: impl Fn() -> Result<()>) -> (u32, Result<()>) {
    let count = Cell::new(0);
    let reach = Reach { retries: 1, ..Reach::default() };
    let ended = retried(reach, || {
        count.set(count.get() + 1);
        std::future::ready(outcome())
    })
    .await;
    (count.get(), ended)
}

#[tokio::test]
async fn only_what_may_pass_is_tried_again() {
    let (count, ended) = tries(|| Err(Error::unavailable("down"))).await;
    assert_eq!((count, ended.unwrap_err().message.as_str()), (2, "down"));
    assert_eq!(tries(|| Err(Error::invalid_input("wrong password"))).await.0, 1);
    assert_eq!(tries(|| Err(Error::unavailable("no TLS").code(TLS_FAILED))).await.0, 1);
    assert_eq!(tries(|| Ok(())).await.0, 1);
}

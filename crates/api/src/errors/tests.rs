use super::*;

#[test]
fn every_kind_has_a_row() {
    use ErrorKind::*;
    let kinds = [
        InvalidInput,
        InvalidData,
        NotFound,
        AlreadyExists,
        InUse,
        Conflict,
        InvalidState,
        TooManyRuns,
        LimitExceeded,
        Unauthenticated,
        UnknownOperation,
        Stopped,
        TimedOut,
        Unavailable,
        Internal,
    ];
    for kind in kinds {
        assert_eq!(BY_KIND.iter().filter(|(row, _)| *row == kind).count(), 1, "{kind:?}");
    }
    assert_eq!(BY_KIND.len(), kinds.len());
}

#[test]
fn services_name_the_same_error_differently() {
    let missing = Error::not_found("x");
    assert_eq!(exception(Service::Personalize, &missing), ("ResourceNotFoundException", 400));
    assert_eq!(exception(Service::Runtime, &missing), ("ResourceNotFoundException", 404));
    assert_eq!(exception(Service::Glue, &missing), ("EntityNotFoundException", 400));
    let running = Error::invalid_state("x").code("CRAWLER_RUNNING");
    assert_eq!(exception(Service::Glue, &running), ("CrawlerRunningException", 400));
    assert_eq!(exception(Service::Personalize, &running), ("InvalidInputException", 400));
}

//! What needs no broker.

use super::super::error::{self, Phase};
use super::super::filter::{self, Place};
use super::super::read::Range;
use super::super::{connect, share};
use super::{Comparison, ErrorKind, KafkaEndpoint, KafkaSource, Literal, Offsets, Predicate, Reach, Source, Tls, TlsMode};
use crate::connection::Sasl;
use crate::diagnosis::{AUTHENTICATION_FAILED, CONNECTION_LOST, DNS_FAILED, PERMISSION_DENIED, Step, TCP_FAILED};
use proptest::prelude::*;
use rdkafka::types::RDKafkaErrorCode as Code;

fn endpoint(servers: &str) -> KafkaEndpoint {
    KafkaEndpoint {
        bootstrap_servers: servers.into(),
        tls: Tls::default(),
        sasl: None,
        reach: Reach { retries: 0, ..Reach::default() },
        settings: Vec::new(),
    }
}

#[test]
fn bootstrap_servers_are_taken_apart() {
    let servers = endpoint("PLAINTEXT://one:9093, two,[::1]:19092,");
    let found: Vec<(String, u16)> = connect::servers(&servers).collect();
    assert_eq!(found, [("one".to_owned(), 9093), ("two".to_owned(), 9092), ("::1".to_owned(), 19092)]);
}

#[test]
fn offsets_are_json_and_back() {
    let offsets = Offsets([(0, 17), (12, 4)].into());
    assert_eq!(offsets.to_string(), r#"{"0":17,"12":4}"#);
    assert_eq!(offsets.to_string().parse::<Offsets>().unwrap(), offsets);
    assert_eq!("[1]".parse::<Offsets>().unwrap_err().kind, ErrorKind::InvalidInput);
}

#[test]
fn security_follows_the_connection() {
    let mut asked = endpoint("kafka:9092");
    let set = |asked: &KafkaEndpoint, name: &str| connect::configuration(asked).unwrap().get(name).map(str::to_owned);
    asked.tls.mode = TlsMode::Disable;
    assert_eq!(set(&asked, "security.protocol").as_deref(), Some("plaintext"));
    asked.sasl = Some(Sasl { mechanism: "SCRAM-SHA-512".into(), user: "me".into(), password: "secret".into() });
    assert_eq!(set(&asked, "security.protocol").as_deref(), Some("sasl_plaintext"));
    asked.tls.mode = TlsMode::VerifyCa;
    assert_eq!(set(&asked, "security.protocol").as_deref(), Some("sasl_ssl"));
    assert_eq!(set(&asked, "ssl.endpoint.identification.algorithm").as_deref(), Some("none"));
    assert_eq!(set(&asked, "sasl.mechanism").as_deref(), Some("SCRAM-SHA-512"));
    assert!(!format!("{:?}", KafkaSource::new(asked)).contains("secret"));
}

#[test]
fn codes_become_errors_of_ours() {
    let of = |code, phase| error::of_code(code, "why", "kafka:9092", phase);
    let refused = of(Code::Authentication, Phase::Connecting);
    assert_eq!((refused.code, refused.is_retryable()), (Some(AUTHENTICATION_FAILED), false));
    assert_eq!(of(Code::BrokerTransportFailure, Phase::Connecting).code, Some(TCP_FAILED));
    assert_eq!(of(Code::BrokerTransportFailure, Phase::Reading).code, Some(CONNECTION_LOST));
    assert_eq!(of(Code::AllBrokersDown, Phase::Reading).code, Some(CONNECTION_LOST));
    assert_eq!(of(Code::TopicAuthorizationFailed, Phase::Reading).code, Some(PERMISSION_DENIED));
    assert_eq!(of(Code::UnknownTopicOrPartition, Phase::Reading).kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_name_without_an_address_is_told() {
    let mut nowhere = endpoint("no-such-host.invalid:9092");
    nowhere.tls.mode = TlsMode::Disable;
    let source = KafkaSource::new(nowhere);
    assert_eq!(source.tables().await.unwrap_err().code, Some(DNS_FAILED));
    assert_eq!(source.diagnose().await.failure().map(|failed| failed.step), Some(Step::Dns));
    let none = KafkaSource::new(endpoint(" ,"));
    assert_eq!(none.tables().await.unwrap_err().kind, ErrorKind::InvalidInput);
    assert_eq!(none.diagnose().await.failure().map(|failed| failed.step), Some(Step::Configuration));
}

#[test]
fn shares_are_even_and_never_have_a_partition_twice() {
    let range = |partition, to| Range { partition, from: 0, to };
    let shares = share(&[range(0, 100_000), range(1, 10), range(2, 50_000)], 7);
    assert!((3..=7).contains(&shares.len()), "{shares:?}");
    for share in &shares {
        let mut partitions: Vec<i32> = share.iter().map(|one| one.partition).collect();
        partitions.dedup();
        assert_eq!(partitions.len(), share.len(), "{shares:?}");
    }
    assert_eq!(shares.iter().flatten().map(Range::len).sum::<i64>(), 150_010);
    assert_eq!(share(&[range(0, 5), range(1, 5), range(2, 5)], 2).len(), 2);
    assert!(share(&[], 4).is_empty());
}

fn leaf() -> impl Strategy<Value = Predicate> {
    let comparison = prop_oneof![
        Just(Comparison::Equal),
        Just(Comparison::NotEqual),
        Just(Comparison::Less),
        Just(Comparison::LessOrEqual),
        Just(Comparison::Greater),
        Just(Comparison::GreaterOrEqual)
    ];
    let offset = (comparison.clone(), -2_i64..14).prop_map(|(c, value)| Predicate::compare("_offset", c, Literal::Integer(value)));
    let partition = (comparison.clone(), 0_i64..3).prop_map(|(c, value)| Predicate::compare("_partition", c, Literal::Integer(value)));
    let time = (comparison, 0_i64..14).prop_map(|(c, value)| Predicate::compare("_timestamp", c, Literal::Timestamp(value)));
    let list = proptest::collection::vec(0_i64..12, 0..3)
        .prop_map(|values| Predicate::In { column: "_offset".into(), values: values.into_iter().map(Literal::Integer).collect() });
    prop_oneof![offset, partition, time, list, Just(Predicate::IsNull("_offset".into())), Just(Predicate::IsNotNull("_timestamp".into()))]
}

fn tree() -> impl Strategy<Value = Predicate> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        let some = proptest::collection::vec(inner, 0..3);
        prop_oneof![some.clone().prop_map(Predicate::And), some.prop_map(Predicate::Or)]
    })
}

proptest! {
    /// Narrowing may leave too much, never too little.
    #[test]
    fn no_message_that_passes_is_outside_the_range(filter in tree(), partition in 0_i32..3, low in 0_i64..5, times in proptest::collection::vec(proptest::option::of(0_i64..14), 12)) {
        let range = filter::narrow(&filter, Range { partition, from: low, to: 12 });
        // An empty range may lie anywhere.
        prop_assert!(range.len() == 0 || (range.from >= low && range.to <= 12));
        for offset in low..12 {
            let place = Place { partition, offset, timestamp: times[usize::try_from(offset).unwrap()] };
            if filter::holds(&filter, &place) == Some(true) {
                prop_assert!(range.from <= offset && offset < range.to, "{offset} is not in {range:?}");
                if let Some(earliest) = filter::earliest(&filter) {
                    prop_assert!(place.timestamp.is_some_and(|time| time >= earliest));
                }
            }
        }
    }
}

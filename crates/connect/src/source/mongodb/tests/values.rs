//! Types and values without a server.

use mongodb::bson::{Bson, Decimal128, RawBsonRef, RawDocumentBuf, doc, rawdoc};

use crate::source::mongodb::catalog::Form;
use crate::source::mongodb::decimal::{Plain, digits, plain};
use crate::source::mongodb::shape::{Sample, Shape};
use crate::source::mongodb::text::text;
use crate::source::mongodb::types::{Kind, MAX_DEPTH};

fn shape(documents: &[RawDocumentBuf]) -> Shape {
    let mut sample = Sample::default();
    for document in documents {
        sample.note(document).unwrap();
    }
    Shape::of(sample, Form::Collection, false)
}

fn kind(values: &[Bson]) -> Kind {
    let documents: Vec<RawDocumentBuf> = values.iter().map(|value| RawDocumentBuf::try_from(&doc! { "a": value }).unwrap()).collect();
    shape(&documents).columns.remove(0).kind
}

#[test]
fn the_widest_type_holds_everything_met() {
    let decimal = |text: &str| Bson::Decimal128(text.parse().unwrap());
    let big = Bson::Int64((1 << 53) + 1);
    let double = Bson::Double(0.5);
    assert_eq!(kind(&[Bson::Null]), Kind::Mixed);
    assert_eq!(kind(&[Bson::Null, true.into()]), Kind::Boolean);
    assert_eq!(kind(&[1_i32.into(), big.clone()]), Kind::Integer);
    assert_eq!(kind(&[1_i32.into(), double.clone()]), Kind::Float);
    assert_eq!(kind(&[big.clone(), double.clone()]), Kind::Mixed, "no double holds it");
    assert_eq!(kind(&[decimal("1.50"), decimal("2.125"), 7_i32.into()]), Kind::Decimal(3));
    assert_eq!(kind(&[decimal("1.5"), double.clone()]), Kind::Mixed);
    assert_eq!(kind(&[decimal("NaN")]), Kind::Mixed);
    assert_eq!(kind(&[decimal("1E+30"), decimal("1E-20")]), Kind::Mixed, "more than 38 digits together");
    assert_eq!(kind(&[1_i32.into(), "text".into()]), Kind::Mixed);
    assert_eq!(kind(&[Bson::Document(doc! { "b": 1 }), "text".into()]), Kind::Mixed);
    assert_eq!(kind(&[Bson::Document(doc! {})]), Kind::Mixed, "a struct has fields");
    assert_eq!(kind(&[Bson::Array(vec![]), Bson::Array(vec![1_i32.into(), double])]), Kind::List(Box::new(Kind::Float)));
    assert_eq!(kind(&[Bson::Array(vec![])]), Kind::List(Box::new(Kind::Mixed)));
}

#[test]
fn what_lies_too_deep_is_text() {
    let mut value = Bson::Int32(1);
    for _ in 0..60 {
        value = Bson::Document(doc! { "a": value });
    }
    let mut kind = kind(&[value]);
    let mut depth = 0;
    while let Kind::Document(mut columns) = kind {
        kind = columns.remove(0).kind;
        depth += 1;
    }
    assert_eq!((kind, depth), (Kind::Mixed, MAX_DEPTH));
}

#[test]
fn very_many_fields_are_columns_and_a_rest() {
    let wide: RawDocumentBuf = (0..2_000).fold(RawDocumentBuf::new(), |mut document, index| {
        document.append(format!("key{index}"), index);
        document
    });
    let shape = shape(&[wide, rawdoc! { "key1999": 5, "_other_fields": 1 }, rawdoc! { "_other_fields": 2 }]);
    let names: Vec<&str> = shape.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names.len(), 999);
    assert!(names.contains(&"key1999") && names.contains(&"_other_fields"), "what was met more often stays");
    assert_eq!(shape.rest.as_deref(), Some("__other_fields"));
    assert!(shape.note().unwrap().starts_with("2001 different fields were met in 3 documents"));
    assert_eq!(shape.schema().fields().len(), 1_000);
}

#[test]
fn decimals_are_exact() {
    let read = |text: &str| plain(text.parse::<Decimal128>().unwrap());
    assert_eq!(read("-12.50"), Some(Plain { unscaled: -1250, scale: 2 }));
    assert_eq!(read("0.00"), Some(Plain { unscaled: 0, scale: 2 }));
    assert_eq!(read("1E+3"), Some(Plain { unscaled: 1000, scale: 0 }));
    assert_eq!(read("9999999999999999999999999999999999"), Some(Plain { unscaled: 10_i128.pow(34) - 1, scale: 0 }));
    assert_eq!(read("1.000000000000000000000000000000000"), Some(Plain { unscaled: 10_i128.pow(18), scale: 18 }));
    assert_eq!((read("Infinity"), read("NaN"), read("1E+40"), read("1E-40")), (None, None, None, None));
    assert_eq!(read("1.50").unwrap().rescaled(1), Some(15));
    assert_eq!((read("1.55").unwrap().rescaled(1), read("1E+33").unwrap().rescaled(5)), (None, None));
    assert_eq!((digits(0), digits(9), digits(10)), (0, 1, 2));
}

#[test]
fn mixed_values_are_text() {
    let shown = |value: RawBsonRef<'_>| text(value).unwrap();
    assert_eq!(shown(RawBsonRef::String("as it is")), "as it is");
    assert_eq!(
        (shown(RawBsonRef::Double(5.0)), shown(RawBsonRef::Int64(5)), shown(RawBsonRef::Double(f64::NAN))),
        ("5.0".into(), "5".into(), "NaN".into())
    );
    let document = rawdoc! { "b": [1, { "c": "x" }], "a": null };
    assert_eq!(shown(RawBsonRef::Document(&document)), r#"{"b":[1,{"c":"x"}],"a":null}"#);
    assert_eq!(shown(RawBsonRef::MaxKey), r#"{"$maxKey":1}"#);
}

use dataset::IdMap;
use recipes::{Interaction, Interactions};

use crate::{Bundle, Texts};

fn bundle() -> Bundle {
    let (users, items) = (IdMap::from_ids(["ann", "bob", "zoë"]), IdMap::from_ids(["a", "b", "ü"]));
    let event = |user, item, timestamp| Interaction { user, item, timestamp, weight: 0.5 };
    let interactions = Interactions::new(3, 3, [event(0, 2, 20), event(0, 1, 10), event(2, 0, 5)]).unwrap();
    Bundle::of(&users, &items, &["A thing".into(), String::new(), String::new()], &interactions).unwrap()
}

#[test]
fn what_is_saved_is_loaded() {
    let bundle = bundle();
    let bytes = bundle.save().unwrap();
    let loaded = Bundle::load(&bytes).unwrap();
    assert_eq!(loaded, bundle);
    assert_eq!(loaded.save().unwrap(), bytes);
    assert_eq!(loaded.users.position("zoë"), Some(2));
    assert_eq!(loaded.users.position("carl"), None);
    assert_eq!(loaded.items.get(2), "ü");
    assert_eq!((loaded.name(0), loaded.name(2)), ("A thing", "ü"));
    let times = |user| loaded.histories.of_user(user).map(|event| (event.item, event.timestamp)).collect::<Vec<_>>();
    assert_eq!(times(0), [(1, 10), (2, 20)]);
    assert!(times(1).is_empty() && times(7).is_empty());
}

#[test]
fn a_damaged_file_is_refused_with_a_reason() {
    let bytes = bundle().save().unwrap();
    let cut = Bundle::load(&bytes[..bytes.len() - 1]).unwrap_err();
    assert!(cut.message.contains("serving.safetensors"), "{cut}");
    let mut wrong = bundle();
    wrong.users = Texts::collect(["only one"]).unwrap();
    let wrong = Bundle::load(&wrong.save().unwrap()).unwrap_err();
    assert!(wrong.message.contains("do not fit together"), "{wrong}");
}

//! Reads a JSON value member by member and gathers everything that is wrong with it, each with its place in the file.

use std::cell::RefCell;

use domain::Name;
use domain::near::hint;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// What is wrong so far, in the order in which it was met.
#[derive(Debug, Default)]
pub(crate) struct Problems(RefCell<Vec<String>>);

impl Problems {
    /// `place` is a path in the file, `sentence` says what was expected and found there.
    pub fn add(&self, place: &str, sentence: impl AsRef<str>) {
        let place = if place.is_empty() { "the file" } else { place };
        self.0.borrow_mut().push(format!("{place}: {}", sentence.as_ref()));
    }

    pub fn into_list(self) -> Vec<String> {
        self.0.into_inner()
    }
}

/// A value and where it stands.
#[derive(Clone)]
pub(crate) struct Node<'a> {
    value: &'a Value,
    pub place: String,
    problems: &'a Problems,
}

/// The members of an object; of what is no object, none.
#[derive(Clone)]
pub(crate) struct Object<'a> {
    members: Option<&'a Map<String, Value>>,
    pub place: String,
    problems: &'a Problems,
}

impl<'a> Node<'a> {
    pub fn root(value: &'a Value, problems: &'a Problems) -> Self {
        Self { value, place: String::new(), problems }
    }

    pub fn value(&self) -> &'a Value {
        self.value
    }

    pub fn wrong(&self, sentence: impl AsRef<str>) {
        self.problems.add(&self.place, sentence);
    }

    /// An object that may have these members and no others.
    pub fn object(&self, known: &[&str]) -> Object<'a> {
        let object = self.any_object();
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            self.problems.add(&place_of(&self.place, key), format!("unknown; {}", hint(key, known)));
        }
        object
    }

    /// An object whose keys are the writer's own.
    pub fn any_object(&self) -> Object<'a> {
        let members = self.value.as_object();
        if members.is_none() {
            self.wrong(format!("expected an object, found {}.", shown(self.value)));
        }
        Object { members, place: self.place.clone(), problems: self.problems }
    }

    pub fn items(&self) -> Vec<Self> {
        let Some(items) = self.value.as_array() else {
            self.wrong(format!("expected a list, found {}.", shown(self.value)));
            return Vec::new();
        };
        let at = |(index, value)| Self { value, place: format!("{}[{index}]", self.place), problems: self.problems };
        items.iter().enumerate().map(at).collect()
    }

    pub fn text(&self) -> Option<String> {
        let text = self.value.as_str();
        if text.is_none() {
            self.wrong(format!("expected a text, found {}.", shown(self.value)));
        }
        text.map(str::to_owned)
    }

    /// A text that may name a resource.
    pub fn name(&self) -> Option<String> {
        let text = self.text()?;
        match Name::new(text.clone()) {
            Ok(_) => Some(text),
            Err(error) => {
                self.wrong(error.message);
                None
            }
        }
    }

    pub fn truth(&self) -> Option<bool> {
        let truth = self.value.as_bool();
        if truth.is_none() {
            self.wrong(format!("expected true or false, found {}.", shown(self.value)));
        }
        truth
    }

    /// A whole number of at least one.
    pub fn count(&self) -> Option<u32> {
        let count = self.value.as_u64().and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 0);
        if count.is_none() {
            self.wrong(format!("expected a whole number of at least 1, found {}.", shown(self.value)));
        }
        count
    }

    /// What the stages take, as they read it.
    pub fn parse<T: DeserializeOwned>(&self) -> Option<T> {
        match serde_json::from_value(self.value.clone()) {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong(format!("{error}."));
                None
            }
        }
    }
}

impl<'a> Object<'a> {
    fn keys(&self) -> impl Iterator<Item = &'a String> + use<'a> {
        self.members.into_iter().flat_map(Map::keys)
    }

    /// A member; one that is null is as good as absent.
    pub fn get(&self, key: &str) -> Option<Node<'a>> {
        let value = self.members?.get(key).filter(|value| !value.is_null())?;
        Some(Node { value, place: place_of(&self.place, key), problems: self.problems })
    }

    /// A member that must be there.
    pub fn need(&self, key: &str) -> Option<Node<'a>> {
        let found = self.get(key);
        if found.is_none() && self.members.is_some() {
            self.problems.add(&place_of(&self.place, key), "expected, found nothing.");
        }
        found
    }

    pub fn entries(&self) -> Vec<(&'a str, Node<'a>)> {
        self.keys().filter_map(|key| Some((key.as_str(), self.get(key)?))).collect()
    }

    pub fn wrong(&self, sentence: impl AsRef<str>) {
        self.problems.add(&self.place, sentence);
    }
}

fn place_of(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 60 { text } else { format!("{}…", text.chars().take(60).collect::<String>()) }
}

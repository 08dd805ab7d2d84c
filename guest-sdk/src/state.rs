//! `scope["state"]`: what start-up made and every call sees (`H-13`, `L-09`).
//!
//! The namespace never leaves the guest (`G-03`). A copy is one reference count; the first change to a copy
//! makes it private, so a call can put things into its own without others seeing them.

use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A namespace of shared values, found by their type or by a name.
///
/// Cloning is shallow (`L-09`): the values are shared, the namespace is not.
///
/// ```
/// use wasgi_sdk::State;
///
/// struct Pool { size: u32 }
///
/// let mut state = State::default();
/// state.insert(Pool { size: 4 });
/// state.set("greeting", String::from("hello"));
///
/// let copy = state.clone();
/// assert_eq!(copy.get::<Pool>().unwrap().size, 4);
/// assert_eq!(*copy.named::<String>("greeting").unwrap(), "hello");
/// assert!(copy.get::<u8>().is_none());
/// ```
#[derive(Clone, Default)]
pub struct State {
    // A handful of entries: a list beats a map. Absent until something is put in.
    entries: Option<Arc<Vec<(Key, Value)>>>,
}

type Value = Arc<dyn Any + Send + Sync>;

#[derive(Clone, PartialEq)]
enum Key {
    Type(TypeId, &'static str),
    Name(Cow<'static, str>),
}

impl State {
    /// Puts `value` in under its type, in place of an earlier one of that type.
    pub fn insert<T: Any + Send + Sync>(&mut self, value: T) {
        self.put(Key::of::<T>(), Arc::new(value));
    }

    /// The value of type `T`.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.find(&Key::of::<T>())?.clone().downcast().ok()
    }

    /// Puts `value` in under `name`, in place of an earlier one of that name.
    pub fn set<T: Any + Send + Sync>(&mut self, name: impl Into<Cow<'static, str>>, value: T) {
        self.put(Key::Name(name.into()), Arc::new(value));
    }

    /// The value under `name`, when it is a `T`.
    pub fn named<T: Any + Send + Sync>(&self, name: &str) -> Option<Arc<T>> {
        let entries = self.entries.as_ref()?;
        let (_, value) = entries
            .iter()
            .find(|(key, _)| matches!(key, Key::Name(other) if other == name))?;
        value.clone().downcast().ok()
    }

    /// Whether nothing was put in.
    pub fn is_empty(&self) -> bool {
        self.entries.is_none()
    }

    fn find(&self, key: &Key) -> Option<&Value> {
        self.entries
            .as_ref()?
            .iter()
            .find(|(other, _)| other == key)
            .map(|(_, value)| value)
    }

    fn put(&mut self, key: Key, value: Value) {
        let entries = Arc::make_mut(self.entries.get_or_insert_default());
        match entries.iter_mut().find(|(other, _)| *other == key) {
            Some(entry) => entry.1 = value,
            None => entries.push((key, value)),
        }
    }
}

impl Key {
    fn of<T: Any>() -> Key {
        Key::Type(TypeId::of::<T>(), std::any::type_name::<T>())
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names =
            self.entries
                .iter()
                .flat_map(|entries| entries.iter())
                .map(|(key, _)| match key {
                    Key::Type(_, name) => (*name).to_owned(),
                    Key::Name(name) => name.to_string(),
                });
        f.write_str("State ")?;
        f.debug_set().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_private_on_top_and_shared_below_l09() {
        let mut state = State::default();
        state.insert(std::sync::Mutex::new(0_u32));
        let mut copy = state.clone();
        copy.set("mine", 1_u8);
        *copy.get::<std::sync::Mutex<u32>>().unwrap().lock().unwrap() = 7;

        assert!(state.named::<u8>("mine").is_none());
        assert_eq!(
            *state
                .get::<std::sync::Mutex<u32>>()
                .unwrap()
                .lock()
                .unwrap(),
            7
        );
    }

    #[test]
    fn a_second_value_of_a_type_replaces_the_first() {
        let mut state = State::default();
        state.insert(1_u8);
        state.insert(2_u8);
        assert_eq!(*state.get::<u8>().unwrap(), 2);
    }
}

//! Maps and sets in the order of their keys: the standard library's, and in a page sorted lists with the same names.
//!
//! A page is fetched, and the tree that is worth its code with thousands of entries is several kilobytes for each type
//! of key and value. What a page holds in one map is at most what one gist and seven candidates remember of it.

#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
pub(crate) use std::collections::{BTreeMap as OrderedMap, BTreeSet as OrderedSet};

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
pub(crate) use list::{OrderedMap, OrderedSet};

#[cfg(any(test, all(target_arch = "wasm32", target_os = "unknown")))]
mod list {
    use std::borrow::Borrow;

    /// Entries in the order of their keys.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct OrderedMap<K, V>(Vec<(K, V)>);

    impl<K, V> OrderedMap<K, V> {
        pub(crate) const fn new() -> Self {
            Self(Vec::new())
        }

        pub(crate) const fn len(&self) -> usize {
            self.0.len()
        }

        pub(crate) const fn is_empty(&self) -> bool {
            self.0.is_empty()
        }

        pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
            self.0.iter().map(|(key, value)| (key, value))
        }

        pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
            self.0.iter().map(|(_, value)| value)
        }

        pub(crate) fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
            self.0.retain_mut(|(key, value)| keep(key, value));
        }
    }

    impl<K: Ord, V> OrderedMap<K, V> {
        fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
        where
            K: Borrow<Q>,
        {
            self.0.binary_search_by(|(of, _)| of.borrow().cmp(key))
        }

        pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
        where
            K: Borrow<Q>,
        {
            Some(&self.0[self.place(key).ok()?].1)
        }

        pub(crate) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
        where
            K: Borrow<Q>,
        {
            let place = self.place(key).ok()?;
            Some(&mut self.0[place].1)
        }

        pub(crate) fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
        where
            K: Borrow<Q>,
        {
            self.place(key).is_ok()
        }

        /// Returns what was there.
        pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
            match self.place(&key) {
                Ok(place) => Some(std::mem::replace(&mut self.0[place].1, value)),
                Err(place) => {
                    self.0.insert(place, (key, value));
                    None
                }
            }
        }

        pub(crate) const fn entry(&mut self, key: K) -> Entry<'_, K, V> {
            Entry { map: self, key }
        }

        pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
        where
            K: Borrow<Q>,
        {
            let place = self.place(key).ok()?;
            Some(self.0.remove(place).1)
        }
    }

    /// The place of a key.
    pub(crate) struct Entry<'a, K, V> {
        map: &'a mut OrderedMap<K, V>,
        key: K,
    }

    impl<K: Ord, V> Entry<'_, K, V> {
        pub(crate) fn or_insert(self, value: V) {
            if !self.map.contains_key(&self.key) {
                self.map.insert(self.key, value);
            }
        }
    }

    impl<K, V> Default for OrderedMap<K, V> {
        fn default() -> Self {
            Self::new()
        }
    }

    impl<K: Ord, V> FromIterator<(K, V)> for OrderedMap<K, V> {
        fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
            let mut map = Self::new();
            for (key, value) in entries {
                map.insert(key, value);
            }
            map
        }
    }

    impl<K: Ord, V, const N: usize> From<[(K, V); N]> for OrderedMap<K, V> {
        fn from(entries: [(K, V); N]) -> Self {
            entries.into_iter().collect()
        }
    }

    impl<K, V> IntoIterator for OrderedMap<K, V> {
        type Item = (K, V);
        type IntoIter = std::vec::IntoIter<(K, V)>;

        fn into_iter(self) -> Self::IntoIter {
            self.0.into_iter()
        }
    }

    impl<'a, K, V> IntoIterator for &'a OrderedMap<K, V> {
        type Item = (&'a K, &'a V);
        type IntoIter = std::iter::Map<std::slice::Iter<'a, (K, V)>, fn(&'a (K, V)) -> (&'a K, &'a V)>;

        fn into_iter(self) -> Self::IntoIter {
            let split: fn(&'a (K, V)) -> (&'a K, &'a V) = |entry| (&entry.0, &entry.1);
            self.0.iter().map(split)
        }
    }

    /// Keys in their order.
    #[derive(Clone, Debug)]
    pub(crate) struct OrderedSet<K>(OrderedMap<K, ()>);

    impl<K: Ord> OrderedSet<K> {
        pub(crate) fn contains(&self, key: &K) -> bool {
            self.0.contains_key(key)
        }

        /// Whether it was not there.
        pub(crate) fn insert(&mut self, key: K) -> bool {
            self.0.insert(key, ()).is_none()
        }

        pub(crate) fn remove(&mut self, key: &K) -> bool {
            self.0.remove(key).is_some()
        }

        pub(crate) fn clear(&mut self) {
            *self = Self::default();
        }
    }

    impl<K> Default for OrderedSet<K> {
        fn default() -> Self {
            Self(OrderedMap::new())
        }
    }

    impl<K: Ord> FromIterator<K> for OrderedSet<K> {
        fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
            Self(keys.into_iter().map(|key| (key, ())).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::list::{OrderedMap, OrderedSet};

    #[derive(Clone, Debug)]
    enum Deed {
        Insert(u8, u8),
        Remove(u8),
        Retain(u8),
    }

    fn deeds() -> impl Strategy<Value = Vec<Deed>> {
        let deed = prop_oneof![
            4 => any::<(u8, u8)>().prop_map(|(key, value)| Deed::Insert(key % 40, value)),
            2 => any::<u8>().prop_map(|key| Deed::Remove(key % 40)),
            1 => any::<u8>().prop_map(Deed::Retain),
        ];
        prop::collection::vec(deed, 0..200)
    }

    proptest! {
        #[test]
        fn a_list_answers_as_the_tree_does(deeds in deeds()) {
            let (mut list, mut tree) = (OrderedMap::default(), BTreeMap::new());
            let (mut keys, mut others) = (OrderedSet::default(), BTreeSet::new());
            for deed in deeds {
                match deed {
                    Deed::Insert(key, value) => {
                        prop_assert_eq!(list.insert(key, value), tree.insert(key, value));
                        prop_assert_eq!(keys.insert(key), others.insert(key));
                        list.entry(value % 40).or_insert(key);
                        tree.entry(value % 40).or_insert(key);
                    }
                    Deed::Remove(key) => {
                        prop_assert_eq!(list.remove(&key), tree.remove(&key));
                        prop_assert_eq!(keys.remove(&key), others.remove(&key));
                    }
                    Deed::Retain(least) => {
                        list.retain(|_, value| *value >= least);
                        tree.retain(|_, value| *value >= least);
                    }
                }
                for key in 0..40 {
                    prop_assert_eq!(list.get(&key), tree.get(&key));
                    prop_assert_eq!(list.contains_key(&key), tree.contains_key(&key));
                    prop_assert_eq!(list.get_mut(&key), tree.get_mut(&key));
                    prop_assert_eq!(keys.contains(&key), others.contains(&key));
                }
                prop_assert!(list.iter().eq(tree.iter()) && list.values().eq(tree.values()));
                prop_assert_eq!((list.len(), list.is_empty()), (tree.len(), tree.is_empty()));
            }
            prop_assert!((&list).into_iter().eq(&tree));
            prop_assert_eq!(list.clone(), tree.clone().into_iter().collect());
            keys.clear();
            prop_assert!(!keys.contains(&0));
            prop_assert!(list.into_iter().eq(tree));
        }
    }
}
